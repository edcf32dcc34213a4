package status

import (
	"fmt"
	"strings"

	"github.com/sluice-dev/sluice/schema"
)

// EventType is a CloudEvents type; the Kubernetes Event's reason is its Reason.
type EventType string

const (
	SyncStarted    EventType = "dev.sluice.sync.started"
	SyncSucceeded  EventType = "dev.sluice.sync.succeeded"
	SyncFailed     EventType = "dev.sluice.sync.failed"
	HistoryRewrote EventType = "dev.sluice.history.rewritten"
	RevisionReady  EventType = "dev.sluice.revision.ready"
	RevisionFailed EventType = "dev.sluice.revision.failed"
	TrafficMoved   EventType = "dev.sluice.traffic.moved"
	SpecInvalid    EventType = "dev.sluice.spec.invalid"
	SpecFailed     EventType = "dev.sluice.spec.failed"
	RolloutFailed  EventType = "dev.sluice.rollout.failed"
	PreviewMoved   EventType = "dev.sluice.preview.moved"
	PreviewRefused EventType = "dev.sluice.preview.refused"
	FarewellFailed EventType = "dev.sluice.farewell.failed"
)

// reasons are the same words as Kubernetes Events spell them.
var reasons = map[EventType]string{
	SyncStarted: "SyncStarted", SyncSucceeded: "SyncSucceeded", SyncFailed: "SyncFailed",
	HistoryRewrote: "HistoryRewritten", RevisionReady: "RevisionReady", RevisionFailed: "RevisionFailed",
	TrafficMoved: "TrafficMoved", SpecInvalid: "SpecInvalid", SpecFailed: "SpecFailed",
	RolloutFailed: "RolloutFailed", PreviewMoved: "PreviewMoved", PreviewRefused: "PreviewRefused",
	FarewellFailed: "FarewellFailed",
}

// Reason is the Kubernetes Event's reason.
func (t EventType) Reason() string { return reasons[t] }

// Warning reports whether somebody has to look.
func (t EventType) Warning() bool {
	return t == SyncFailed || t == RevisionFailed || t == SpecInvalid || t == SpecFailed || t == HistoryRewrote || t == RolloutFailed || t == PreviewRefused || t == FarewellFailed
}

// Event is one thing that happened between two reports.
type Event struct {
	Type EventType `json:"type"`
	// Subject is the spec it is about; zero for the repository as a whole.
	Subject schema.Identity `json:"subject,omitzero"`
	// Object is the revision, or the Job, it is about, where it is about one.
	Object string `json:"object,omitempty"`
	Commit string `json:"commit,omitempty"`
	// Message is for people.
	Message string `json:"message"`
}

// Between lists what happened from one report to the next, in a fixed order.
// The zero Report stands before the first.
func Between(prev, next Report) []Event {
	var out []Event
	out = append(out, commitEvents(prev, next)...)
	before := map[schema.Identity]Spec{}
	for _, s := range prev.Specs {
		before[s.Identity] = s
	}
	told := toldByProblems(next)
	for _, s := range next.Specs {
		about := specEvents(before[s.Identity], s)
		if !told[s.Identity] {
			about = append(about, failureEvents(before[s.Identity], s, about)...)
		}
		out = append(out, about...)
	}
	out = append(out, previewEvents(prev, next)...)
	out = append(out, farewellEvents(prev, next)...)
	return append(out, syncEvents(prev, next)...)
}

func commitEvents(prev, next Report) []Event {
	if next.Commit == "" || prev.Commit == next.Commit {
		return nil
	}
	out := []Event{{Type: SyncStarted, Commit: next.Commit, Message: fmt.Sprintf("commit %s: %s", short(next.Commit), next.Subject)}}
	if next.Rewritten {
		out = append(out, Event{Type: HistoryRewrote, Commit: next.Commit, Message: fmt.Sprintf(
			"branch %s was force-pushed from %s to %s; following it", next.Branch, short(prev.Commit), short(next.Commit))})
	}
	for _, p := range next.Problems {
		if p.Severity == schema.Error {
			out = append(out, Event{Type: SpecInvalid, Subject: p.Identity, Commit: next.Commit, Message: p.String()})
		}
	}
	return out
}

func specEvents(prev, next Spec) []Event {
	var out []Event
	known := map[string]Revision{}
	for _, r := range prev.Revisions {
		known[r.Name] = r
	}
	for _, r := range next.Revisions {
		was, seen := known[r.Name]
		switch {
		case r.Ready && !was.Ready:
			out = append(out, Event{Type: RevisionReady, Subject: next.Identity, Object: r.Name, Commit: next.Commit, Message: "revision " + r.Name + " is ready"})
		case !r.Ready && r.Reason != "" && (!seen || was.Reason != r.Reason):
			out = append(out, Event{Type: RevisionFailed, Subject: next.Identity, Object: r.Name, Commit: next.Commit, Message: "revision " + r.Name + ": " + r.Reason})
		}
	}
	out = append(out, rolloutEvents(prev, next)...)
	if was, is := Shares(prev.Traffic), Shares(next.Traffic); is != "" && was != is {
		out = append(out, Event{Type: TrafficMoved, Subject: next.Identity, Commit: next.Commit, Message: "traffic: " + is})
	}
	return out
}

// toldByProblems are the specs whose trouble is a problem of the commit.
func toldByProblems(r Report) map[schema.Identity]bool {
	told := map[schema.Identity]bool{}
	for _, p := range r.Problems {
		if p.Severity == schema.Error {
			told[p.Identity] = true
		}
	}
	return told
}

// failureEvents tells what neither a problem nor a revision tells: what was
// refused, held back, or kept because a file cannot be understood.
func failureEvents(prev, next Spec, told []Event) []Event {
	bad := next.State == Failed || next.State == Invalid
	if !bad || prev.State == next.State && prev.Reason == next.Reason {
		return nil
	}
	for _, e := range told {
		if e.Type == RevisionFailed || e.Type == RolloutFailed {
			return nil
		}
	}
	return []Event{{Type: SpecFailed, Subject: next.Identity, Commit: next.Commit, Message: next.Identity.String() + ": " + next.Reason}}
}

func syncEvents(prev, next Report) []Event {
	if next.Error != "" && next.Error != prev.Error {
		return []Event{{Type: SyncFailed, Commit: next.Commit, Message: next.Error}}
	}
	done := prev.Commit == next.Commit && prev.State == next.State && prev.Error == next.Error
	if done || next.Commit == "" {
		return nil
	}
	switch next.State {
	case Ready:
		return []Event{{Type: SyncSucceeded, Commit: next.Commit, Message: fmt.Sprintf("commit %s: %d specs ready", short(next.Commit), len(next.Specs))}}
	case Failed, Invalid:
		return []Event{{Type: SyncFailed, Commit: next.Commit, Message: failure(next)}}
	case Progressing:
	}
	return nil
}

// failure names what keeps a report from being Ready.
func failure(r Report) string {
	var bad []string
	for _, s := range r.Specs {
		if s.State == Failed || s.State == Invalid {
			bad = append(bad, s.Identity.String()+": "+s.Reason)
		}
	}
	for _, f := range r.Farewells {
		if f.Failed() {
			bad = append(bad, f.String())
		}
	}
	if len(bad) == 0 {
		for _, p := range r.Problems {
			if p.Severity == schema.Error {
				bad = append(bad, p.String())
			}
		}
	}
	const most = 5
	if len(bad) > most {
		bad = append(bad[:most], fmt.Sprintf("and %d more", len(bad)-most))
	}
	return fmt.Sprintf("commit %s: %s", short(r.Commit), strings.Join(bad, "; "))
}

// Shares reads `90% hello-1, 10% hello-2 (canary)`.
func Shares(traffic []Share) string {
	var parts []string
	for _, t := range traffic {
		s := fmt.Sprintf("%d%% %s", t.Percent, t.Revision)
		if t.Tag != "" {
			s += " (" + t.Tag + ")"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, ", ")
}

func short(commit string) string { return commit[:min(len(commit), 7)] }
