package diff

import (
	"slices"
	"strings"
)

// Between lists where two values differ, whichever has the field: From is the
// first's value, To the second's; empty where the field is missing.
func Between(from, to any) []Change {
	changes := Subset(to, from)
	for _, gone := range Subset(from, to) {
		known := slices.ContainsFunc(changes, func(c Change) bool { return within(gone.Path, c.Path) })
		if !known {
			changes = append(changes, Change{Path: gone.Path, From: gone.To, To: gone.From})
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return changes
}

// within tells whether a field is another, or is inside it.
func within(path, other string) bool {
	rest, inside := strings.CutPrefix(path, other)
	return inside && (rest == "" || other == "" || rest[0] == '.' || rest[0] == '[')
}
