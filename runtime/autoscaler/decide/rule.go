package decide

import (
	"math"
	"time"
)

const (
	// tick is how often Knative decides; the rates are counted by it.
	tick = 2 * time.Second
	// patience is how much demand beyond what the pods take is borne, in seconds
	// of all their work, per unit of the panic threshold: at the default, demand
	// of five times what there is for 62 ms, of one and a half times for half a
	// second. A moment's coincidence is far less.
	patience = 0.125
)

// rule is Knative's: what load asks for, before the revision's own bounds. raw
// is the number without any limit.
func (st *State) rule(d *Decision, s *Samples) (want, raw int32, why cause) {
	if s.Have == 0 && s.demand() == 0 { // load that is over wakes nobody
		st.calm()
		st.beyond, st.borne = 0, 0
		return 0, 0, causeIdle
	}
	ready := max(1, min(s.Ready, s.Have)) // those beyond are on their way out
	stable, rush := pods(d.StableValue, d.Target), pods(d.PanicValue, d.Target)
	over := float64(rush)/float64(ready) >= st.config.PanicThreshold
	surge := st.surge(s, ready)
	if s.Have == 0 {
		surge = max(1, st.need(s))
	}
	rush = max(rush, surge)
	least := max(stable, surge, int32(min(1, s.demand()))) // what the averages have not seen yet
	want, raw = st.choose(d, s, ready, [2]int32{least, rush}, over || surge > ready)
	switch {
	case surge > 0 && s.Have == 0:
		why = causeWake
	case surge >= rush && surge > stable:
		why = causeSurge
	case st.panicking && rush > stable:
		why = causePanic
	case stable > 0:
		why = causeLoad
	case s.demand() > 0:
		why = causeNow
	}
	if s.Reachable {
		var most int32
		if st.delay, most = st.delay.most(want, st.last, st.config.ScaleDownDelay); most > want {
			want, d.Limit = most, LimitDelay
		}
	}
	return want, raw, why
}

// choose decides between what the two windows ask for, each at its pace.
func (st *State) choose(d *Decision, s *Samples, ready int32, asked [2]int32, over bool) (want, raw int32) {
	up, down := st.rates(ready, s.Reachable)
	st.alarm(over, s.Have)
	if st.panicking {
		asked[0] = max(asked[0], asked[1])
	}
	want, d.Limit = st.paced(asked[0], up, down)
	if st.panicking && want < st.panicMost {
		want, d.Limit = st.panicMost, LimitPanic
	}
	if st.panicking {
		st.panicMost = want
	}
	return want, asked[0]
}

// paced applies the rates, and the least number other than zero.
func (st *State) paced(want, up, down int32) (int32, Limit) {
	least, limit := st.config.ActivationScale, LimitNone
	if want == 0 {
		least = 0
	}
	switch {
	case want > up:
		want, limit = up, LimitUp
	case want < down:
		want, limit = down, LimitDown
	}
	if want < least {
		return least, LimitActivation
	}
	return want, limit
}

// rates are the most and the fewest pods that one step may go to. The fewest
// are counted from what was ready when the step began.
func (st *State) rates(ready int32, reachable bool) (up, down int32) {
	if st.last-st.step >= int64(tick) {
		st.step, st.base = st.last, ready
	}
	c := &st.config
	up = ceil(c.MaxUpRate * float64(ready))
	if reachable && c.MaxDownRate > 0 {
		down = int32(math.Floor(float64(st.base) / c.MaxDownRate))
	}
	return up, down
}

// alarm enters panic, in which none of the pods that were asked for is taken
// away, and leaves it when its time is over.
func (st *State) alarm(over bool, have int32) {
	switch {
	case over:
		if !st.panicking {
			st.panicMost = have
		}
		st.panicking, st.panicAt = true, st.last
	case st.panicking && st.panicAt+int64(st.config.StableWindow) < st.last:
		st.calm()
	}
}

func (st *State) calm() { st.panicking, st.panicMost = false, 0 }

// surge is how many pods the demand of this moment needs, if it has been beyond
// what there is for long enough; else 0. Pods that start count as there: what
// was asked for already is not asked for again.
func (st *State) surge(s *Samples, ready int32) int32 {
	most := st.config.MaxScale
	there := float64(max(ready, s.Have)) * st.config.capacity()
	beyond := 0.0
	if there > 0 && (most == 0 || s.Have < most) {
		beyond = float64(s.demand())/there - 1
	}
	if beyond <= 0 {
		st.beyond, st.borne = 0, 0
		return 0
	}
	st.beyond = beyond
	if st.borne < st.bearable()-1e-9 {
		return 0
	}
	st.borne = 0
	return st.need(s)
}

// bear adds what the last sample's excess has become by now.
func (st *State) bear(d time.Duration) { st.borne += st.beyond * d.Seconds() }

// bearable is how much is borne.
func (st *State) bearable() float64 { return patience * st.config.PanicThreshold }

// need is how many pods can take all requests of this moment at once.
func (st *State) need(s *Samples) int32 {
	if capacity := st.config.capacity(); capacity > 0 {
		return ceil(float64(s.demand()) / capacity)
	}
	return int32(min(s.demand(), 1))
}

// pods is how many share a load; what is beyond by less than arithmetic can
// tell is not beyond.
func pods(value, target float64) int32 { return ceil(value/target - 1e-9) }

// ceil rounds up to a number of pods.
func ceil(v float64) int32 { return int32(max(0, min(math.Ceil(v), math.MaxInt32))) }
