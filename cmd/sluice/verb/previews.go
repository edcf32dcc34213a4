package verb

import (
	"fmt"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/cmd/sluice/install"
	"github.com/sluice-dev/sluice/engine/preview"
	"github.com/sluice-dev/sluice/engine/status"
)

// PreviewLimits is what an installation permits, in the engine's words.
func PreviewLimits(s install.Settings) preview.Limits {
	return preview.Limits{Most: s.Previews.Most, Percent: s.Previews.Percent, TTL: s.Previews.TTL()}
}

// closedShown is how many refs that are not open are printed: a forge may have
// thousands of them.
const closedShown = 10

// previews prints the refs beside the branch, of one service or of all.
func (v *statusOptions) previews(list []status.Preview) {
	s := v.streams
	closed := 0
	for _, p := range list {
		if v.only != "" && !previews(p, v.only) {
			continue
		}
		if !p.Open {
			if closed++; closed > closedShown && p.Commit != "" {
				continue
			}
			s.Printf("\npreview %s: %s\n", p.Ref, p.Reason)
			continue
		}
		s.Printf("\npreview %s at %s %s\n", p.Ref, shortHash(p.Commit), p.Subject)
		for _, of := range p.Services {
			s.Printf("  %s\n", previewedLine(of))
		}
		for _, problem := range p.Problems {
			s.Printf("  %s %s\n", s.Paint(cli.Red, "refused:"), problem)
		}
		if p.Reason != "" {
			s.Printf("  %s\n", p.Reason)
		}
	}
	if closed > closedShown {
		s.Printf("\n%d more refs are not open; -o json lists them\n", closed-closedShown)
	}
}

func previews(p status.Preview, name string) bool {
	for _, s := range p.Services {
		if s.Identity.Name == name {
			return true
		}
	}
	return false
}

func previewedLine(p status.Previewed) string {
	line := fmt.Sprintf("%s  %s  %s", p.Identity, p.Revision, p.URL)
	if p.Percent > 0 {
		line += fmt.Sprintf("  %d%%", p.Percent)
	}
	if !p.Ready && p.Reason == "" {
		line += "  not ready yet"
	}
	if p.Reason != "" {
		line += "  " + p.Reason
	}
	return line
}
