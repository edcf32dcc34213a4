package rollout

import (
	"slices"
	"time"

	"github.com/sluice-dev/sluice/schema/desired"
)

// Input is everything beside the State that a decision depends on.
type Input struct {
	// Want is the revision that the repository describes now, Percent the share
	// of the route that follows it.
	Want    string
	Percent int64
	// Ready says which revisions may get requests at all.
	Ready func(revision string) bool
	// Rollout says how to move.
	Rollout desired.Rollout
	// Worse says why the newest revision is worse than the ones before;
	// empty if it is not.
	Worse string
	Now   time.Time
}

// Next decides who has how much of the share from now on. Without any ready
// revision nobody has.
func (s State) Next(in Input) State {
	s = s.clone()
	s.keepReady(in.Ready)
	s.resize(in.Percent)
	if s.Held != nil && s.Held.Revision != in.Want {
		s.Held = nil
	}
	ready := in.Ready(in.Want)
	switch {
	case s.Held != nil:
	case in.Worse != "" && s.Moving():
		s.fail(in)
	case in.Want == s.Newest():
		s.step(in)
	case !ready && s.Moving():
		s.step(in) // what is on its way goes on until the next one can follow
	case !ready:
	case len(s.Parts) == 0 || in.Percent <= 1 || s.knows(in.Want):
		s.whole(in.Want, in.Percent)
	default:
		s.begin(in)
	}
	return s
}

// keepReady takes the parts of revisions that are not ready and gives them to
// the oldest that is.
func (s *State) keepReady(ready func(string) bool) {
	lost := int64(0)
	s.Parts = slices.DeleteFunc(s.Parts, func(p Part) bool {
		if ready(p.Revision) {
			return false
		}
		lost += p.Percent
		return true
	})
	if lost > 0 && len(s.Parts) > 0 {
		s.Parts[0].Percent += lost
	}
	s.settle()
}

// resize brings the parts to another share: the oldest revision gets what
// there is more of, and gives what there is less of first.
func (s *State) resize(percent int64) {
	if len(s.Parts) == 0 {
		return
	}
	more := percent
	for _, p := range s.Parts {
		more -= p.Percent
	}
	if more >= 0 {
		s.Parts[0].Percent += more
		return
	}
	for i := range s.Parts {
		less := min(-more, s.Parts[i].Percent)
		s.Parts[i].Percent -= less
		more += less
	}
	last := len(s.Parts) - 1
	at := 0
	s.Parts = slices.DeleteFunc(s.Parts, func(p Part) bool { at++; return p.Percent == 0 && at <= last })
	s.settle()
}

// settle ends what is over when one revision has it all.
func (s *State) settle() {
	if len(s.Parts) > 1 {
		return
	}
	s.Began, s.Due, s.Size, s.Every, s.Step = time.Time{}, time.Time{}, 0, 0, 0
	if len(s.Parts) == 1 {
		s.served(s.Parts[0].Revision)
	}
}

// served remembers who had the whole share.
func (s *State) served(revision string) {
	s.Served = slices.DeleteFunc(s.Served, func(r string) bool { return r == revision })
	s.Served = append(s.Served, revision)
	if n := len(s.Served); n > servedKept {
		s.Served = slices.Delete(s.Served, 0, n-servedKept)
	}
}

// knows reports whether the revision has served before, or still does.
func (s *State) knows(revision string) bool {
	return slices.Contains(s.Served, revision) ||
		slices.ContainsFunc(s.Parts, func(p Part) bool { return p.Revision == revision })
}

// whole gives a revision everything at once.
func (s *State) whole(revision string, percent int64) {
	s.Parts = []Part{{revision, percent}}
	s.settle()
}

// fail gives everything back to the revision that served before, and holds the
// newest one until another is described.
func (s *State) fail(in Input) {
	failed := s.Newest()
	s.whole(s.Parts[0].Revision, in.Percent)
	if failed == in.Want {
		s.Held = &Held{Revision: failed, Why: in.Worse, At: in.Now.UTC().Truncate(time.Second)}
	}
}
