package status

import "time"

// Rollout is a share that moves from one revision to the next in steps.
type Rollout struct {
	// Revision takes over; Percent is what it has so far.
	Revision string `json:"revision"`
	Percent  int64  `json:"percent"`
	// Next is when it gets more; zero if it does not.
	Next time.Time `json:"next,omitzero"`
	// Held says why the revision gets nothing until another template comes:
	// it answered worse than the one before.
	Held string `json:"held,omitempty"`
}

func (r Rollout) equal(other Rollout) bool {
	return r.Revision == other.Revision && r.Percent == other.Percent && r.Held == other.Held && r.Next.Equal(other.Next)
}

// rolloutEvents tells of revisions that were found worse.
func rolloutEvents(prev, next Spec) []Event {
	before := map[string]bool{}
	for _, r := range prev.Rollouts {
		before[r.Revision] = r.Held != ""
	}
	var out []Event
	for _, r := range next.Rollouts {
		if r.Held != "" && !before[r.Revision] {
			out = append(out, Event{Type: RolloutFailed, Subject: next.Identity, Object: r.Revision, Commit: next.Commit,
				Message: "revision " + r.Revision + " is on hold: " + r.Held})
		}
	}
	return out
}
