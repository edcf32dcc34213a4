package decide

import (
	"math"
	"time"
)

// soonest is the least time between two decisions when nothing happens.
const soonest = 5 * time.Millisecond

// Next decides. now must not be before that of the call that gave st; if it is,
// no time has passed.
func Next(st State, s Samples, now time.Time) (State, Decision) {
	if st.blind && s.Known {
		st = Begin(st.config, s.Have, now)
	}
	st.observe(&s, now.UnixNano())
	d := Decision{At: now, Have: s.Have, Ready: s.Ready, InFlight: s.InFlight, Queued: s.Queued, Metric: st.config.Metric, Target: st.config.Target()}
	d.StableValue, d.PanicValue = st.averages()
	var why cause
	var raw int32
	switch {
	case !s.Known:
		why, d.Want = causeUnknown, s.Have
	case !s.Reachable && (s.Initialised || s.Failed):
		d.Want, why = st.unrouted(&s)
		d.Want = st.most(&d, d.Want)
	case st.config.Class == ClassHPA:
		d.Want, why = st.elsewhere(&s)
	default:
		var want int32
		want, raw, why = st.rule(&d, &s)
		d.Want = st.bound(&d, &s, want)
		if low, _ := st.low(&s); !s.Initialised && !s.Failed && d.Want > 0 && d.Want == low {
			why, d.Limit = causeInitial, LimitNone
		}
	}
	d.Panic = st.panicking
	d.Again = st.again(&d, &s)
	d.explain(why, &st.config, raw, st.said)
	st.said = d.Reason
	return st, d
}

// unrouted is a revision that no route leads to: what is under way ends, and
// no pod waits for more.
func (st *State) unrouted(s *Samples) (int32, cause) {
	st.calm()
	st.beyond, st.borne, st.delay = 0, 0, nil
	switch need := max(1, st.need(s)); {
	case s.demand() > 0 && s.Have == 0:
		return need, causeWake
	case s.Queued > 0:
		return need, causeUnrouted
	case s.demand() > 0:
		return min(need, s.Have), causeUnrouted
	}
	if s.Failed {
		return 0, causeFailed
	}
	return 0, causeUnrouted
}

// elsewhere is a revision that a HorizontalPodAutoscaler scales: what that has
// chosen stays. At zero it does nothing, which is where a revision is that no
// route has led to.
func (st *State) elsewhere(s *Samples) (int32, cause) {
	st.calm()
	st.beyond, st.borne, st.delay = 0, 0, nil
	if s.Have > 0 {
		return s.Have, causeElsewhere
	}
	low, _ := st.low(s)
	return max(1, low), causeElsewhere
}

// bound keeps a number within what the revision's annotations allow.
func (st *State) bound(d *Decision, s *Samples, want int32) int32 {
	c := &st.config
	if want == 0 && s.Have > 0 && st.last < st.zeroAt() {
		want, d.Limit = 1, LimitWindow
		if st.last >= st.busy+int64(c.StableWindow) {
			d.Limit = LimitRetention
		}
	}
	low, limit := st.low(s)
	if want < low {
		want, d.Limit = low, limit
	}
	return st.most(d, want)
}

// low is the least number of pods, and what says so.
func (st *State) low(s *Samples) (int32, Limit) {
	c := &st.config
	low, limit := c.MinScale, LimitMin
	if !c.ScaleToZero && low < 1 {
		low, limit = 1, LimitZero
	}
	if !s.Initialised && !s.Failed && c.InitialScale > low {
		low, limit = c.InitialScale, LimitInitial
	}
	return low, limit
}

func (st *State) most(d *Decision, want int32) int32 {
	if m := st.config.MaxScale; m > 0 && want > m {
		want, d.Limit = m, LimitMax
	}
	return want
}

// again is how long a decision stands if nothing happens.
func (st *State) again(d *Decision, s *Samples) time.Duration {
	routed := s.Reachable || !s.Initialised && !s.Failed
	if !s.Known || d.Want == 0 && s.Have == 0 || routed && st.config.Class == ClassHPA {
		return 0
	}
	next := int64(0)
	sooner := func(at int64) {
		if next == 0 || at < next {
			next = at
		}
	}
	if st.beyond > 0 {
		left := max(0, st.bearable()-st.borne) / st.beyond
		sooner(st.last + max(int64(soonest), int64(math.Ceil(min(left, tick.Seconds())*float64(time.Second)))))
	}
	low, _ := st.low(s)
	if !routed {
		low = 0
	}
	switch idle := st.busy + int64(st.config.StableWindow); {
	case d.Want == 1 && low == 0 && st.last < st.zeroAt():
		sooner(st.zeroAt())
	case d.Want > low || d.Want != d.Have:
		sooner(st.last + int64(Bucket))
	case st.last < idle:
		sooner(idle)
	}
	if next == 0 {
		return 0
	}
	return time.Duration(next - st.last)
}
