package activator

import (
	"context"
	"time"
)

// Lender is another activator: the owner of revisions, which gives this one
// places at their pods. Requests do not go through it. Its methods never
// block, and what they say arrives in the order of the calls.
type Lender interface {
	// Ask stands in the owner's line for a place. reply is called once, before
	// anything that the owner says later is done.
	Ask(a Asking, reply func(Reply)) (id uint64)
	// Cancel withdraws an Ask. It is false if reply was called, or is about to be.
	Cancel(id uint64) bool
	// Release gives a place at a pod back.
	Release(revision Key, pod string)
	// Doubt says that a pod does not accept connections.
	Doubt(revision Key, pod string)
	// Hold says how many places at a pod this process holds, whoever gave them.
	Hold(revision Key, pod string, places int)
	// Forget says that places of a revision are asked of another owner from now on.
	Forget(revision Key)
}

// Asking is a request that waits for a place elsewhere.
type Asking struct {
	Key Key
	// Waited is how long ago it came: the place in the line.
	Waited time.Duration
	// Bytes is what it weighs.
	Bytes int64
	// Again says that it is not to be refused; Insist that the one who is asked
	// shall give a place although it takes another for the owner.
	Again, Insist bool
}

// Reply to an Ask: a place, or a full queue, or (neither) word to ask again.
type Reply struct {
	Place *Place
	Full  bool
}

// Place is a place at a pod.
type Place struct {
	Key       Key
	Pod, Addr string
	// Counted says that it has to be released: the pod takes so many requests only.
	Counted bool
	// Limits is the JSON of the pod's contract.Limits, for who has not heard of it yet.
	Limits string
}

const (
	// askPause is how long to wait before an owner that sent us away is asked again.
	askPause = 5 * time.Millisecond
	// insistAfter is how long two activators may disagree about an owner before
	// the one that is asked gives a place all the same.
	insistAfter = 500 * time.Millisecond
)

// borrow waits for a place that the revision's owner gives. The caller holds
// mu, which is given up.
func (v *revision) borrow(ctx context.Context, t turn, d time.Duration) (*pod, error) {
	lender, moved := v.loans.lender, v.loans.whenMoved()
	v.loans.asking++
	v.beginCold(t.arrived)
	pressed := v.loans.asking == 1
	v.unlock()
	v.touch()
	if pressed {
		v.owner.active.press()
	}
	waited := time.Since(t.arrived)
	done := make(chan lent, 1)
	id := lender.Ask(Asking{v.key, waited, t.bytes, t.again, waited > insistAfter}, func(r Reply) { done <- v.accept(lender, r) })
	got, why := waitLent(ctx, done, moved, d)
	if why != nil && !lender.Cancel(id) {
		got = <-done
	}
	v.lock()
	v.loans.asking--
	if got.p == nil {
		v.leaveCold()
	}
	v.unlock()
	switch {
	case got.p != nil && (why == nil || why == errTimeout):
		return got.p, nil
	case got.p != nil:
		v.release(got.p)
		return nil, why
	case why != nil:
		return nil, why
	case got.full:
		return nil, errFull
	}
	return nil, pause(ctx)
}

// lent is what came of an Ask: a place, or a full queue, or nothing.
type lent struct {
	p    *pod
	full bool
}

// accept counts a place that was given, unless the owner is another by now.
func (v *revision) accept(from Lender, r Reply) lent {
	if r.Place == nil {
		return lent{full: r.Full}
	}
	v.lock()
	defer v.unlock()
	if v.loans.lender == from {
		return lent{p: v.occupy(r.Place)}
	}
	if r.Place.Counted {
		from.Release(v.key, r.Place.Pod)
	}
	return lent{}
}

// waitLent waits for what comes of an Ask; the error says what came before it.
func waitLent(ctx context.Context, done <-chan lent, moved <-chan struct{}, d time.Duration) (lent, error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case got := <-done:
		return got, nil
	case <-moved:
		return lent{}, errAgain
	case <-ctx.Done():
		return lent{}, ctx.Err()
	case <-timer.C:
		return lent{}, errTimeout
	}
}

// pause waits a moment before somebody is asked who sent us away: the
// activators are about to agree who owns the revision.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(askPause):
		return errAgain
	}
}

// occupy counts a request at a pod where the owner gave a place, known here or
// not yet. The caller holds mu.
func (v *revision) occupy(place *Place) *pod {
	p := v.pods[place.Pod]
	if p == nil || p.addr != place.Addr {
		limits, err := readLimits(place.Limits)
		if err != nil {
			v.owner.cfg.Log.Warn("limits of a borrowed place ignored", "revision", v.key.String(), "error", err)
		}
		p = v.owner.newPod(endpoint{key: v.key, name: place.Pod, addr: place.Addr, limits: limits})
		p.gone = true
	}
	p.inflight++
	p.own++
	v.running++
	v.usable.heavier(p)
	v.cold.reach(coldReady)
	return p
}
