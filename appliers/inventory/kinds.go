package inventory

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/engine/manifest"
)

// sortedKinds sorts kinds and drops those that are there twice.
func sortedKinds(kinds []manifest.Kind) []manifest.Kind {
	out := slices.Clone(kinds)
	slices.SortFunc(out, func(a, b manifest.Kind) int {
		return cmp.Or(cmp.Compare(a.APIVersion, b.APIVersion), cmp.Compare(a.Kind, b.Kind))
	})
	return slices.Compact(out)
}

// formatKinds writes a line a kind: `apps/v1 Deployment`.
func formatKinds(kinds []manifest.Kind) string {
	var b strings.Builder
	for _, k := range kinds {
		b.WriteString(k.APIVersion + " " + k.Kind + "\n")
	}
	return b.String()
}

// parseKinds reads what formatKinds wrote and skips what it cannot have written.
func parseKinds(text string) []manifest.Kind {
	var out []manifest.Kind
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 2 && strings.Count(fields[0], "/") <= 1 {
			out = append(out, manifest.Kind{APIVersion: fields[0], Kind: fields[1]})
		}
	}
	return sortedKinds(out)
}

// groupKinds is the convention's list: `Deployment.apps,Service`.
func groupKinds(kinds []manifest.Kind) string {
	var names []string
	for _, k := range kinds {
		name := k.Kind
		if group, _, ok := strings.Cut(k.APIVersion, "/"); ok {
			name += "." + group
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}
