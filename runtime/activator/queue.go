package activator

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Why a claim fails.
var (
	errFull    = errors.New("the queue is full")
	errTimeout = errors.New("no pod came in time")
	errAgain   = errors.New("the revision was forgotten, or has another owner") // internal: look it up again
)

// limits bound a queue.
type limits struct {
	length int
	bytes  int64
}

// revision is the queue of one revision and the pods that empty it.
//
// Invariant: while somebody waits, no usable pod has a free place. So whoever
// comes while somebody waits queues behind them, and nobody is ever overtaken.
type revision struct {
	key    Key
	owner  *Activator
	limits limits
	stats  counters
	active atomic.Bool // in the owner's activity
	isCold atomic.Bool // cold has begun

	lane atomic.Pointer[pod] // whose places need no lock, or nil: see lane.go

	mu      sync.Mutex      // guards all below; held for a few instructions only, and taken by lock
	pods    map[string]*pod // by name, all that exist
	usable  heap            // those that take requests, the least loaded first
	line    line            // who waits
	service string          // the Service's name, for metrics
	waking  bool            // a goroutine asks the Waker
	wakeErr error           // what the Waker said last
	told    string          // why its pods do not become ready, as the autoscaler says
	retired bool            // no longer in the table
	running int             // requests of this process at pods, those at deleted ones too
	cold    cold            // a start that somebody waits for
	loans   loans           // whose places these are, where there are several activators
}

// turn is when a request's turn comes.
type turn struct {
	// arrived is when it came: who came first is served first.
	arrived time.Time
	// bytes is what it weighs while it waits.
	bytes int64
	// again says that it had a place before, and is not to be refused.
	again bool
}

// waiter is a request in the line.
type waiter struct {
	ready      chan *pod // gets the claimed pod, nil if another owner has to be asked; one place, so that giving never waits
	guest      *Guest    // whose request it is, nil: this process's
	id         uint64    // the guest's number of it
	arrived    time.Time
	bytes      int64
	prev, next *waiter
	queued     bool
}

// claim takes a free place on the least loaded pod, unless somebody waits for
// one who came earlier, or another process gives the places. Every claimed
// place ends with a release.
func (v *revision) claim(arrived time.Time) *pod {
	p := v.lane.Load()
	if p != nil && p.enter() {
		return p
	}
	v.lock()
	p = nil
	if v.loans.lender == nil || v.usable.unlimited() {
		p = v.take(arrived)
	}
	if p != nil {
		v.running++
		p.own++
	}
	v.unlock()
	return p
}

// take is a free place for somebody who came then, or nil. The caller holds mu.
func (v *revision) take(arrived time.Time) *pod {
	if v.withheld() || v.line.length > 0 && !arrived.Before(v.line.head.arrived) {
		return nil
	}
	return v.usable.take()
}

// withheld tells whether no place may be given yet, whatever the pods say. The
// caller holds mu.
func (v *revision) withheld() bool { return v.loans.held && !v.usable.unlimited() }

// await queues for a place, here or at the revision's owner, until ctx ends or
// for d.
func (v *revision) await(ctx context.Context, t turn, d time.Duration) (*pod, error) {
	v.lock()
	if v.retired {
		v.unlock()
		return nil, errAgain
	}
	if v.loans.lender != nil && !v.usable.unlimited() {
		return v.borrow(ctx, t, d) // unlocks
	}
	w, err := v.queue(t, nil, 0)
	if err != nil {
		v.unlock()
		return nil, err
	}
	v.dispatch() // a place may have come free since claim
	pressed := v.line.length == 1
	v.unlock()
	v.touch()
	if pressed {
		v.owner.active.press()
	}
	return v.wait(ctx, w, d)
}

// queue adds a waiter to the line, if there is room. The caller holds mu.
func (v *revision) queue(t turn, guest *Guest, id uint64) (*waiter, error) {
	if !t.again && (v.line.length >= v.limits.length || v.line.bytes+t.bytes > v.limits.bytes) {
		return nil, errFull
	}
	w := &waiter{guest: guest, id: id, arrived: t.arrived, bytes: t.bytes}
	if guest == nil {
		w.ready = make(chan *pod, 1)
		v.beginCold(t.arrived)
	} else {
		v.loans.waiting++
	}
	v.line.add(w)
	v.askForPod()
	return w, nil
}

// wait is the part of await without the lock.
func (v *revision) wait(ctx context.Context, w *waiter, d time.Duration) (*pod, error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	var why error
	select {
	case p := <-w.ready:
		return placeOf(p)
	case <-ctx.Done():
		why = ctx.Err()
	case <-timer.C:
		why = errTimeout
	}
	v.lock()
	if w.queued {
		v.line.remove(w)
		v.leaveCold()
		v.unlock()
		return nil, why
	}
	v.unlock()
	p := <-w.ready // a place came in the same moment
	if p == nil || why == errTimeout {
		return placeOf(p)
	}
	v.release(p)
	return nil, why
}

func placeOf(p *pod) (*pod, error) {
	if p == nil {
		return nil, errAgain
	}
	return p, nil
}

// release gives a place back, to who waits longest. It tells whether nothing
// is left of the revision.
func (v *revision) release(p *pod) (empty bool) {
	if p.leave() {
		return false
	}
	v.lock()
	v.running--
	p.own--
	v.lighter(p)
	v.returned(p)
	over := p.gone && p.own == 0
	v.leaveCold() // it may have been given back unused
	empty = v.running == 0 && v.unused()
	v.unlock()
	if over {
		p.upstream.Close()
	}
	return empty
}

// lighter takes a request off p. The caller holds mu.
func (v *revision) lighter(p *pod) {
	p.inflight--
	v.usable.lighter(p)
	if v.line.length > 0 {
		v.dispatch()
	}
}

// unused tells whether nothing but requests at pods keeps v. The caller holds mu.
func (v *revision) unused() bool {
	return len(v.pods) == 0 && v.line.length == 0 && v.loans.asking == 0
}

// dispatch hands free places to the line. The caller holds mu.
func (v *revision) dispatch() {
	for v.line.length > 0 && !v.withheld() {
		p := v.usable.take()
		if p == nil {
			return
		}
		w := v.line.head
		v.strike(w)
		if w.guest != nil {
			w.guest.give(v, w.id, p)
			continue
		}
		v.running++
		p.own++
		w.ready <- p
	}
}

// strike takes w out of the line. The caller holds mu.
func (v *revision) strike(w *waiter) {
	v.line.remove(w)
	if w.guest != nil {
		v.loans.waiting--
	}
}

// line is a list of waiters, in the order in which they came, with what they weigh.
type line struct {
	head, tail *waiter
	length     int
	bytes      int64
}

// add puts w behind everybody who came earlier: nearly always at the tail.
func (l *line) add(w *waiter) {
	w.queued = true
	l.length++
	l.bytes += w.bytes
	before := l.tail
	for before != nil && before.arrived.After(w.arrived) {
		before = before.prev
	}
	w.prev = before
	if before != nil {
		w.next, before.next = before.next, w
	} else {
		w.next, l.head = l.head, w
	}
	if w.next != nil {
		w.next.prev = w
	} else {
		l.tail = w
	}
}

func (l *line) remove(w *waiter) {
	w.queued = false
	l.length--
	l.bytes -= w.bytes
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		l.head = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		l.tail = w.prev
	}
	w.prev, w.next = nil, nil
}
