package rollout

import (
	"math"
	"time"
)

// begin gives a revision that is new its first part: one percent, or the
// ramp's first step.
func (s *State) begin(in Input) {
	s.Parts = append(s.Parts, Part{Revision: in.Want})
	s.Began, s.Due, s.Size, s.Every, s.Step = in.Now.UTC().Round(0), time.Time{}, 0, 0, 0
	if len(in.Rollout.Steps) == 0 {
		s.take(1)
		return
	}
	s.climb(in)
}

// step goes one step further if its time has come.
func (s *State) step(in Input) {
	switch {
	case !s.Moving():
	case in.Rollout.IsZero():
		s.whole(s.Newest(), in.Percent)
	case len(in.Rollout.Steps) > 0:
		if in.Now.Before(s.Due) {
			return
		}
		s.Step++
		s.climb(in)
	case s.Due.IsZero() || s.Size == 0:
		s.pace(in)
	case !in.Now.Before(s.Due):
		s.take(s.Size)
		s.again(in.Now, time.Duration(s.Every*float64(time.Second)))
	}
}

// climb brings the newest revision up to the ramp's current step.
func (s *State) climb(in Input) {
	steps := in.Rollout.Steps
	goal := in.Percent
	if s.Step < len(steps) {
		goal = max(1, (in.Percent*steps[s.Step]+50)/100)
	}
	s.take(goal - s.Parts[len(s.Parts)-1].Percent)
	s.again(in.Now, in.Rollout.Every)
}

// pace computes the even steps, as Knative does, from how long it took until
// the first part was in force: the first step is that long, at least a second;
// the rest of the duration is cut into as many steps, but no step is less than
// one percent.
func (s *State) pace(in Input) {
	first := max(1, math.Ceil(in.Now.Sub(s.Began).Seconds()))
	rest := max(1, in.Rollout.Duration.Seconds()-first)
	left := float64(max(1, in.Percent-1))
	steps := min(max(1, rest/first), left)
	s.Size = int64(math.Round(left / steps))
	s.Every = rest / steps
	s.Due = s.later(in.Now, time.Duration(s.Every*float64(time.Second)))
}

// again sets the time of the next step: regular, unless this one came late by
// more than a step.
func (s *State) again(now time.Time, every time.Duration) {
	if !s.Moving() {
		return
	}
	from := now
	if late := now.Sub(s.Due); !s.Due.IsZero() && late < every {
		from = s.Due
	}
	s.Due = s.later(from, every)
}

// later is a time as it is recorded.
func (s *State) later(from time.Time, d time.Duration) time.Time {
	return from.Add(d).UTC().Truncate(time.Millisecond)
}

// take moves percents to the newest revision, from the newest before it first.
func (s *State) take(percents int64) {
	last := len(s.Parts) - 1
	for i := last - 1; i >= 0 && percents > 0; i-- {
		n := min(percents, s.Parts[i].Percent)
		s.Parts[i].Percent -= n
		s.Parts[last].Percent += n
		percents -= n
		if s.Parts[i].Percent == 0 {
			s.Parts = append(s.Parts[:i], s.Parts[i+1:]...)
			last--
		}
	}
	s.settle()
}
