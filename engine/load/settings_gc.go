package load

import (
	"time"

	"github.com/sluice-dev/sluice/schema"
)

// GC is when old revisions are deleted: Knative's settings, by their names
// there.
type GC struct {
	// SinceCreate is how long a revision is kept after it was made. Default 48h.
	// `disabled`: whatever its age.
	SinceCreate string `json:"retain-since-create-time,omitempty"`
	// SinceActive is how long it is kept after it was scaled last. Default 15h.
	SinceActive string `json:"retain-since-last-active-time,omitempty"`
	// Min are kept of every service whatever their age. Default 20.
	Min *int `json:"min-non-active-revisions,omitempty"`
	// Max are kept at most, even if they are younger. Default 1000.
	Max *int `json:"max-non-active-revisions,omitempty"`
}

// Disabled is the value that switches a bound off.
const Disabled = "disabled"

func (g *GC) check(doc schema.Document) []schema.Problem {
	if g == nil {
		return nil
	}
	var problems []schema.Problem
	for _, f := range []struct{ path, value string }{{"retain-since-create-time", g.SinceCreate}, {"retain-since-last-active-time", g.SinceActive}} {
		path, value := f.path, f.value
		if d, err := time.ParseDuration(value); value != "" && value != Disabled && (err != nil || d < 0) {
			problems = append(problems, doc.Problem("gc."+path, "want a duration, such as `48h`, or `disabled`"))
		}
	}
	for _, f := range []struct {
		path  string
		value *int
	}{{"min-non-active-revisions", g.Min}, {"max-non-active-revisions", g.Max}} {
		if f.value != nil && *f.value < 0 {
			problems = append(problems, doc.Problem("gc."+f.path, "want a number of revisions, such as 20"))
		}
	}
	return problems
}
