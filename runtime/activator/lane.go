package activator

import "math"

// A revision with one usable pod, for whose places nobody waits, has a lane: who
// comes takes a place at that pod by counting it, and gives it back likewise,
// without the revision's lock. The lock shuts the lane and adds up what went
// through it, so that under it everything is as if there were none; unlocking
// opens it again where it may be. As the lane is shut while somebody waits,
// nobody is overtaken in it.

// shut is what a pod's lane says while it is not open, instead of a count.
const shut = math.MinInt64

// enter takes a place at p in its lane. It is false if that is shut, or p full.
func (p *pod) enter() bool {
	for {
		n := p.lane.Load()
		if n == shut || p.limit > 0 && n >= int64(p.limit) {
			return false
		}
		if p.lane.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// leave gives a place at p back in its lane. It is false if that is shut.
func (p *pod) leave() bool {
	for {
		n := p.lane.Load()
		if n == shut {
			return false
		}
		if p.lane.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

// lock takes the revision's mu, and shuts its lane.
func (v *revision) lock() {
	v.mu.Lock()
	if p := v.lane.Load(); p != nil {
		v.shut(p)
	}
}

// shut adds up what went through p's lane. The caller holds mu.
func (v *revision) shut(p *pod) {
	through := int(p.lane.Swap(shut)) - p.inflight
	p.inflight += through
	p.own += through
	v.running += through
}

// unlock opens the lane, if there may be one, and gives mu back.
func (v *revision) unlock() {
	if len(v.usable) == 1 || v.lane.Load() != nil {
		v.open()
	}
	v.mu.Unlock()
}

// open opens the lane of the pod that may have one. The caller holds mu.
func (v *revision) open() {
	p := v.single()
	if p != v.lane.Load() {
		v.lane.Store(p)
	}
	if p != nil {
		p.lane.Store(int64(p.inflight))
	}
}

// single is the pod that may have a lane, or nil. The caller holds mu.
func (v *revision) single() *pod {
	if len(v.usable) != 1 || v.line.length > 0 || v.retired {
		return nil
	}
	p, l := v.usable[0], &v.loans
	if p.limit > 0 && (l.lender != nil || l.held || len(l.former) > 0) {
		return nil // others have to know of each place
	}
	return p
}
