package forge

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
)

// State is how far a commit is. Forges spell it differently; see place.go.
type State string

const (
	// Pending: something is awaited.
	Pending State = "pending"
	// Success: everything that the status speaks of is ready.
	Success State = "success"
	// Failure: somebody has to look.
	Failure State = "failure"
)

// Status is one commit status.
type Status struct {
	Commit string
	// Context names the status among those of the commit: `sluice` for all, or
	// `sluice/Service/default/hello` for a spec.
	Context string
	State   State
	// Text is one line, at most maxText bytes.
	Text string
	// URL is where the spec answers; empty if nowhere.
	URL string
	// Last: what it speaks of is over. It is said only where something was said
	// before, so that the past is left alone.
	Last bool
}

const (
	// overall is the context of the status of the whole commit.
	overall = "sluice"
	// maxText is what GitHub takes of a description; GitLab and Gitea take more.
	maxText = 140
	// maxSpecs bounds the statuses of one commit beside the overall one. GitHub
	// takes 1,000 for a commit and a context; people read fewer.
	maxSpecs = 100
)

// touched remembers which specs a commit is about.
type touched struct {
	commit string
	specs  map[schema.Identity]bool
}

// follow takes in what lies between two reports: a spec is touched if the
// commit changed what it applies, or if its trouble began with the commit.
func (t *touched) follow(prev, next status.Report) {
	if t.commit != next.Commit {
		t.commit, t.specs = next.Commit, map[schema.Identity]bool{}
	}
	before := make(map[schema.Identity]status.Spec, len(prev.Specs))
	for i := range prev.Specs {
		before[prev.Specs[i].Identity] = prev.Specs[i]
	}
	for i := range next.Specs {
		s := &next.Specs[i]
		was, known := before[s.Identity]
		fresh := s.State != status.Ready && (!known || was.State != s.State || was.Reason != s.Reason)
		if s.Commit == next.Commit || fresh && prev.Commit != next.Commit {
			t.specs[s.Identity] = true
		}
	}
}

// statuses are what is to be said of a report, in a fixed order.
func statuses(r status.Report, touched map[schema.Identity]bool) []Status {
	if r.Commit == "" {
		return nil
	}
	out := []Status{whole(r)}
	for i := range r.Specs {
		if s := &r.Specs[i]; touched[s.Identity] && len(out) <= maxSpecs {
			out = append(out, Status{Commit: r.Commit, Context: contextOf(s.Identity), State: stateOf(s.State), Text: text(s), URL: s.URL})
		}
	}
	return append(out, previews(r)...)
}

// whole is the status of the commit as a whole.
func whole(r status.Report) Status {
	out := Status{Commit: r.Commit, Context: overall, State: stateOf(r.State)}
	switch {
	case r.Error != "":
		out.State, out.Text = Failure, r.Error
	case r.State == status.Ready:
		out.Text = "everything is as the commit says"
	default:
		out.Text = worst(r)
	}
	out.Text = line(out.Text)
	return out
}

// worst is the text of the first problem or spec in the report's own state.
func worst(r status.Report) string {
	for _, p := range r.Problems {
		if p.Severity == schema.Error {
			return p.String()
		}
	}
	for i := range r.Specs {
		if r.Specs[i].State == r.State {
			return r.Specs[i].Identity.Kind + " " + r.Specs[i].Identity.Name + ": " + text(&r.Specs[i])
		}
	}
	return strings.ToLower(string(r.State))
}

func contextOf(id schema.Identity) string {
	parts := slices.DeleteFunc([]string{overall, id.Kind, id.Namespace, id.Name}, func(s string) bool { return s == "" })
	return strings.Join(parts, "/")
}

func stateOf(s status.State) State {
	switch s {
	case status.Ready:
		return Success
	case status.Progressing:
		return Pending
	default:
		return Failure
	}
}

// text is what helps: what is awaited, what is wrong, or who gets the traffic.
func text(s *status.Spec) string {
	if s.State != status.Ready {
		return line(cmp.Or(s.Reason, strings.ToLower(string(s.State))))
	}
	served := slices.DeleteFunc(slices.Clone(s.Traffic), func(share status.Share) bool { return share.Percent == 0 })
	return line(cmp.Or(status.Shares(served), "ready"))
}

// line makes one line of at most maxText bytes.
func line(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText-len("…")], "") + "…"
}
