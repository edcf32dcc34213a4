package activator

import (
	"sync"
	"time"
)

// Guest is another activator as the owner of revisions sees it: what it waits
// for here, and which places it holds. Its methods are called in the order in
// which the other said it.
type Guest struct {
	owner *Activator
	reply func(id uint64, r Reply)

	mu      sync.Mutex // guards what follows; taken inside a revision's mu
	waits   map[uint64]wait
	visited map[*revision]struct{} // where it holds, or held, places
}

// wait is a guest's waiter and where it waits.
type wait struct {
	v *revision
	w *waiter
}

// Guest receives another activator. reply tells it the answer to an Ask; it
// must not block.
func (a *Activator) Guest(reply func(id uint64, r Reply)) *Guest {
	return &Guest{owner: a, reply: reply, waits: map[uint64]wait{}, visited: map[*revision]struct{}{}}
}

// Ask stands in line for the guest, under the number id.
func (g *Guest) Ask(id uint64, a Asking) {
	t := turn{arrived: time.Now().Add(-a.Waited), bytes: a.Bytes, again: a.Again}
	for !g.ask(id, t, a) {
	}
}

// ask is false if the revision was forgotten meanwhile.
func (g *Guest) ask(id uint64, t turn, a Asking) bool {
	v := g.owner.revisions.get(a.Key)
	v.lock()
	if v.retired {
		v.unlock()
		return false
	}
	if v.loans.lender != nil && !a.Insist {
		v.unlock()
		g.reply(id, Reply{})
		return true
	}
	if p := v.take(t.arrived); p != nil {
		g.give(v, id, p)
		v.unlock()
		return true
	}
	w, err := v.queue(t, g, id)
	if err == nil {
		g.mu.Lock()
		g.waits[id] = wait{v, w}
		g.mu.Unlock()
		v.dispatch() // it may have come before the one for whom there was no place
	}
	v.unlock()
	if err != nil {
		g.reply(id, Reply{Full: true})
		return true
	}
	v.touch()
	return true
}

// give answers with a place at p, which was taken. An unlimited pod's places
// need nobody's book. The caller holds v's mu.
func (g *Guest) give(v *revision, id uint64, p *pod) {
	p.inflight-- // lend counts it again
	if p.limit > 0 {
		v.lend(g, p.name, v.loans.lent[g][p.name]+1)
	} else {
		v.usable.lighter(p)
	}
	g.answer(id, Reply{Place: &Place{Key: v.key, Pod: p.name, Addr: p.addr, Counted: p.limit > 0, Limits: p.limitsText()}})
}

// answer ends a wait. The caller holds the revision's mu.
func (g *Guest) answer(id uint64, r Reply) {
	g.mu.Lock()
	delete(g.waits, id)
	g.mu.Unlock()
	g.reply(id, r)
}

// visits remembers where the guest holds places.
func (g *Guest) visits(v *revision) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.visited[v] = struct{}{}
}

// Cancel takes a request of the guest out of its line.
func (g *Guest) Cancel(id uint64) {
	g.mu.Lock()
	at, ok := g.waits[id]
	delete(g.waits, id)
	g.mu.Unlock()
	if ok {
		at.cancel()
	}
}

func (at wait) cancel() {
	at.v.lock()
	if at.w.queued {
		at.v.strike(at.w)
	}
	at.v.unlock()
	at.v.owner.revisions.retire(at.v)
}

// Release takes a place of the guest at a pod back.
func (g *Guest) Release(k Key, pod string) {
	g.at(k, func(v *revision) {
		if n := v.loans.lent[g][pod]; n > 0 {
			v.lend(g, pod, n-1)
		}
	})
}

// Hold says how many places at a pod the guest holds. An owner that gives places
// already knows better: its own book is exact, and the word may be older.
func (g *Guest) Hold(k Key, pod string, n int) {
	if n < 0 {
		return
	}
	for held := false; !held; {
		v := g.owner.revisions.get(k)
		v.lock()
		if held = !v.retired; held && (v.loans.held || v.loans.lender != nil) {
			v.lend(g, pod, n)
		}
		v.unlock()
	}
}

// Doubt says that the guest could not connect to a pod.
func (g *Guest) Doubt(k Key, pod string) {
	g.at(k, func(v *revision) {
		if p := v.pods[pod]; p != nil && v.loans.lender == nil {
			p.doubted, p.probed = true, false
			v.refresh(p)
		}
	})
}

// Forget says that the guest asks somebody else for this revision.
func (g *Guest) Forget(k Key) { g.at(k, func(v *revision) { v.collect(g) }) }

// at calls f with the revision's mu held, if there is such a revision.
func (g *Guest) at(k Key, f func(*revision)) {
	if v := g.owner.revisions.find(k); v != nil {
		v.lock()
		defer v.unlock()
		f(v)
	}
}

// Leave ends everything of the guest: it is gone.
func (g *Guest) Leave() {
	g.mu.Lock()
	waits := g.waits
	g.waits = map[uint64]wait{}
	g.mu.Unlock()
	for _, at := range waits {
		at.cancel()
	}
	g.mu.Lock() // only now: a place may have been given while its wait was cancelled
	visited := g.visited
	g.visited = map[*revision]struct{}{}
	g.mu.Unlock()
	for v := range visited {
		v.lock()
		v.collect(g)
		v.unlock()
		g.owner.revisions.retire(v)
	}
}

// unvisits forgets a revision that is forgotten.
func (g *Guest) unvisits(v *revision) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.visited, v)
}
