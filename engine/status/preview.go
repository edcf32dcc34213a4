package status

import (
	"slices"

	"github.com/sluice-dev/sluice/schema"
)

// Preview is a Git ref beside the trusted branch that matches its policy.
type Preview struct {
	// Ref is the full name of the reference, Commit where it is, Subject what
	// that commit says.
	Ref     string `json:"ref"`
	Commit  string `json:"commit,omitempty"`
	Subject string `json:"subject,omitempty"`
	// Open: what it changes runs, as far as Problems do not say otherwise.
	Open bool `json:"open"`
	// State is Ready if all that may run of it does, or if it is over; Progressing
	// while pods start, or somebody has to let it in; Failed if anything of it is
	// refused or does not run.
	State State `json:"state"`
	// Reason says why it is not open, or what it waits for.
	Reason string `json:"reason,omitempty"`
	// Over: it is merged, or too old. Nothing more is to be expected of it.
	Over bool `json:"over,omitempty"`
	// Services are those that it changes.
	Services []Previewed `json:"services,omitempty"`
	// Problems are what of it is refused, each in one sentence.
	Problems []string `json:"problems,omitempty"`
}

// Previewed is one Service as a ref would have it.
type Previewed struct {
	Identity schema.Identity `json:"identity"`
	Revision string          `json:"revision"`
	// Tag and URL are where the revision is reached.
	Tag string `json:"tag"`
	URL string `json:"url,omitempty"`
	// Percent is what it gets of the service's requests.
	Percent int64 `json:"percent,omitempty"`
	Ready   bool  `json:"ready"`
	// Failed: it does not start, or has answered worse than the service itself.
	Failed bool `json:"failed,omitempty"`
	// Reason says why it is not ready or has failed, or why it gets less than it
	// asks for.
	Reason string `json:"reason,omitempty"`
}

func (p Preview) equal(other Preview) bool {
	return p.Ref == other.Ref && p.Commit == other.Commit && p.Subject == other.Subject && p.Open == other.Open && p.State == other.State && p.Over == other.Over && p.Reason == other.Reason &&
		slices.Equal(p.Services, other.Services) && slices.Equal(p.Problems, other.Problems)
}

// Judge finds the state of a preview that is open.
func (p *Preview) Judge() {
	p.State = Ready
	if p.Reason != "" {
		p.State = Progressing
	}
	for _, s := range p.Services {
		switch {
		case s.Failed:
			p.State = Failed
		case !s.Ready && p.State != Failed:
			p.State = Progressing
		}
	}
	if len(p.Problems) > 0 {
		p.State = Failed
	}
}

// previewEvents tells which previews came and went, and what was refused.
func previewEvents(prev, next Report) []Event {
	before := map[string]Preview{}
	for _, p := range prev.Previews {
		before[p.Ref] = p
	}
	var out []Event
	for _, p := range next.Previews {
		was := before[p.Ref]
		delete(before, p.Ref)
		if was.equal(p) {
			continue
		}
		out = append(out, about(was, p)...)
	}
	for _, p := range prev.Previews {
		if _, gone := before[p.Ref]; gone && p.Open {
			out = append(out, Event{Type: PreviewMoved, Commit: p.Commit, Message: "preview " + p.Ref + " is gone"})
		}
	}
	return out
}

// about tells what became of one preview.
func about(was, is Preview) []Event {
	var out []Event
	switch {
	case was.Open && !is.Open:
		out = append(out, Event{Type: PreviewMoved, Commit: is.Commit, Message: "preview " + is.Ref + " is closed: " + is.Reason})
	case !is.Open && was.Reason != is.Reason:
		out = append(out, Event{Type: PreviewRefused, Commit: is.Commit, Message: "preview " + is.Ref + ": " + is.Reason})
	}
	for _, problem := range is.Problems {
		if !slices.Contains(was.Problems, problem) {
			out = append(out, Event{Type: PreviewRefused, Commit: is.Commit, Message: "preview " + is.Ref + ": " + problem})
		}
	}
	for _, s := range is.Services {
		ready := slices.ContainsFunc(was.Services, func(o Previewed) bool { return o.Revision == s.Revision && o.Ready })
		if s.Ready && !ready {
			out = append(out, Event{Type: PreviewMoved, Subject: s.Identity, Object: s.Revision, Commit: is.Commit, Message: "preview " + is.Ref + " answers at " + s.URL})
		}
	}
	return out
}
