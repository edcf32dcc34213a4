package activator

import "slices"

// loans are whose places a revision's are, where several activators share the
// work: one of them owns the revision and gives places to the others, so that
// there is one line and one count. The revision's mu guards it.
type loans struct {
	lender  Lender        // the owner; nil: this process
	former  []Lender      // owners until a moment ago, who may not know it yet and still give places
	moved   chan struct{} // closed when the owner changes; nil unless somebody asks
	asking  int           // our requests that wait at the owner
	waiting int           // requests of guests in our line
	held    bool          // ours since a moment ago: others may hold places that we have not heard of
	lent    map[*Guest]map[string]int
}

func (l *loans) whenMoved() <-chan struct{} {
	if l.moved == nil {
		l.moved = make(chan struct{})
	}
	return l.moved
}

// at is how many places at a pod guests hold.
func (l *loans) at(pod string) (n int) {
	for _, held := range l.lent {
		n += held[pod]
	}
	return n
}

// drop forgets all places at a pod that is no more.
func (l *loans) drop(pod string) {
	for _, held := range l.lent {
		delete(held, pod)
	}
}

// lend says how many places at a pod a guest holds. The caller holds mu.
func (v *revision) lend(g *Guest, pod string, n int) {
	held := v.loans.lent[g]
	if held == nil {
		if n == 0 {
			return
		}
		if v.loans.lent == nil {
			v.loans.lent = map[*Guest]map[string]int{}
		}
		held = map[string]int{}
		v.loans.lent[g] = held
		g.visits(v)
	}
	before := held[pod]
	if held[pod] = n; n == 0 {
		delete(held, pod)
	}
	p := v.pods[pod]
	if p == nil || n == before {
		return
	}
	p.inflight += n - before
	if n > before {
		v.usable.heavier(p)
		return
	}
	v.usable.lighter(p)
	v.dispatch()
}

// collect takes back all places of a guest. The caller holds mu.
func (v *revision) collect(g *Guest) {
	for pod := range v.loans.lent[g] {
		v.lend(g, pod, 0)
	}
	delete(v.loans.lent, g)
}

// lender is who owns a revision, nil for this process.
func (a *Activator) lender(k Key) Lender {
	if a.cfg.Owners == nil {
		return nil
	}
	return a.cfg.Owners(k)
}

// Reassign asks Config.Owners anew about every revision. Requests that wait go
// to the new owner and keep their turn; a new owner is told which places this
// process holds. What this process gains gives no place before Settle: others
// have yet to tell what they hold. met says that somebody has joined, who may
// have taken itself for the owner of anything: then the same goes for what this
// process owned already.
func (a *Activator) Reassign(met bool) {
	a.unsettled.Store(true)
	a.revisions.each(func(v *revision) { v.reassign(met) })
}

// Settle ends what Reassign began: all have told, or had the time to.
func (a *Activator) Settle() {
	if !a.unsettled.Swap(false) {
		return
	}
	a.revisions.each(func(v *revision) {
		v.lock()
		defer v.unlock()
		for _, l := range v.loans.former {
			l.Forget(v.key)
		}
		v.loans.former = nil
		if v.loans.held {
			v.loans.held = false
			v.dispatch()
		}
	})
}

// Tell says to an owner, for each revision that it owns, what this process holds.
func (a *Activator) Tell(owner Lender) {
	a.revisions.each(func(v *revision) {
		v.lock()
		defer v.unlock()
		if v.loans.lender == owner {
			v.tell()
		}
	})
}

// returned says to the owner, and to whom takes itself for it, that one place
// less is held at p. The caller holds mu.
func (v *revision) returned(p *pod) {
	if p.limit == 0 {
		return
	}
	if v.loans.lender != nil {
		v.loans.lender.Release(v.key, p.name)
	}
	for _, l := range v.loans.former {
		l.Release(v.key, p.name)
	}
}

// tell says which places this process holds. The caller holds mu.
func (v *revision) tell() {
	for _, p := range v.pods {
		if p.own > 0 && p.limit > 0 {
			v.loans.lender.Hold(v.key, p.name, p.own)
		}
	}
}

func (v *revision) reassign(met bool) {
	v.lock()
	defer v.unlock()
	from, to := v.loans.lender, v.owner.lender(v.key)
	v.loans.held = to == nil && (v.loans.held || met || from != nil)
	if from == to || v.retired {
		return
	}
	v.loans.lender = to
	if v.loans.moved != nil {
		close(v.loans.moved)
		v.loans.moved = nil
	}
	if from != nil {
		v.loans.former = append(v.loans.former, from)
	}
	v.loans.former = slices.DeleteFunc(v.loans.former, func(l Lender) bool { return l == to })
	if to != nil {
		v.tell()
		v.dismiss()
	}
}

// dismiss sends everybody who waits here to the new owner, and forgets what
// guests hold: they tell it there. The caller holds mu.
func (v *revision) dismiss() {
	for v.line.length > 0 {
		w := v.line.head
		v.strike(w)
		if w.guest != nil {
			w.guest.answer(w.id, Reply{})
		} else {
			w.ready <- nil
		}
	}
	for g := range v.loans.lent {
		v.collect(g)
	}
}
