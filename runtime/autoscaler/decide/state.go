package decide

import "time"

// Samples is what was observed of a revision since the last decision.
type Samples struct {
	// Concurrency is the average of requests at once, at pods and waiting, since
	// the last decision, over all activators.
	Concurrency float64
	// Requests is how many arrived since the last decision.
	Requests uint64
	// InFlight requests are at pods now, Queued ones wait.
	InFlight, Queued int
	// Have is how many pods the Deployment asks for, Ready how many take requests.
	Have, Ready int32
	// Known is whether somebody reports. Without, nothing is changed.
	Known bool
	// Initialised is whether the revision was ready once.
	Initialised bool
	// Failed is whether it was given up: it did not become ready in time.
	Failed bool
	// Reachable is whether a route leads to it.
	Reachable bool
}

func (s *Samples) demand() int { return max(0, s.InFlight) + max(0, s.Queued) }

// State is what one revision's decisions remember. It is a value: a copy of it
// stays as it is.
type State struct {
	config Config
	load   window
	last   int64  // the newest moment observed
	busy   int64  // when there was a request last, or counting began
	blind  bool   // nobody reported
	said   string // the reason given last

	panicking bool
	panicAt   int64 // when there was reason for panic last
	panicMost int32 // the most pods wanted in it

	beyond float64 // by what part demand is more than the pods take; 0: it is not
	borne  float64 // that, added up over seconds

	step  int64 // when the pace of the rates began last
	base  int32 // the ready pods then
	delay delay
}

// Begin is the state of a revision of which nothing is known but that it has
// so many pods. What is there is kept for one stable window: whoever follows a
// decider that is gone must not take its pods away.
func Begin(c Config, have int32, now time.Time) State {
	t := now.UnixNano()
	st := State{config: c, load: newWindow(c.StableWindow, c.PanicWindow, now), last: t, busy: t}
	if have > 1 {
		st.panicking, st.panicAt, st.panicMost = true, t, have
	}
	return st
}

// Configured is the state with another Config; what was observed stays if the
// windows are as long as before.
func (st State) Configured(c Config, now time.Time) State {
	if c.StableWindow != st.config.StableWindow || c.PanicWindow != st.config.PanicWindow {
		st.load = newWindow(c.StableWindow, c.PanicWindow, now)
		st.last = now.UnixNano()
	}
	st.config = c
	return st
}

// observe adds what happened until now.
func (st *State) observe(s *Samples, now int64) {
	if now < st.last { // the clock was set back
		now = st.last
	}
	amount := float64(s.Requests)
	if st.config.Metric != RPS {
		amount = max(0, s.Concurrency) * float64(now-st.last) / float64(time.Second)
	}
	st.load.add(amount, st.last, now)
	st.bear(time.Duration(now - st.last))
	st.last = now
	if s.demand() > 0 || s.Requests > 0 || s.Concurrency > 0 || !s.Known {
		st.busy = now
	}
	st.blind = !s.Known
}

// averages are those of the two windows. What is spread within a second has
// left a window for certain when the last request has.
func (st *State) averages() (stable, rush float64) {
	quiet := time.Duration(st.last - st.busy)
	if quiet >= st.config.StableWindow {
		return 0, 0
	}
	if st.config.Weighted {
		stable, rush = st.load.weighted(st.last)
	} else {
		stable, rush = st.load.averages(st.last)
	}
	if quiet >= st.config.PanicWindow {
		rush = 0
	}
	return stable, rush
}

// zeroAt is when the last pod may go.
func (st *State) zeroAt() int64 {
	return st.busy + int64(st.config.StableWindow+st.config.Retention)
}

// delay remembers the numbers wanted lately, as far as each may still become
// the largest: later ones are smaller.
type delay []wanted

type wanted struct {
	at   int64
	want int32
}

// most is the largest number wanted within span, want now included.
func (d delay) most(want int32, now int64, span time.Duration) (delay, int32) {
	if span <= 0 {
		return nil, want
	}
	next := make(delay, 0, len(d)+1)
	for _, w := range d {
		if w.want > want && w.at+int64(span) > now {
			next = append(next, w)
		}
	}
	next = append(next, wanted{now, want})
	return next, next[0].want
}
