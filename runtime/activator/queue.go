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
	errRetired = errors.New("the revision was forgotten meanwhile") // internal: look it up again
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

	mu      sync.Mutex      // guards all below; held for a few instructions only
	pods    map[string]*pod // by name, all that exist
	usable  heap            // those that take requests, the least loaded first
	line    line            // who waits
	service string          // the Service's name, for metrics
	waking  bool            // a goroutine asks the Waker
	wakeErr error           // what the Waker said last
	told    string          // why its pods do not become ready, as the autoscaler says
	retired bool            // no longer in the table
	running int             // requests at pods, those at deleted ones too
}

// waiter is a request in the line.
type waiter struct {
	ready      chan *pod // gets the claimed pod; one place, so that giving never waits
	bytes      int64
	prev, next *waiter
	queued     bool
}

// claim takes a free place on the least loaded pod, unless somebody waits for
// one already. front says that the claimer has waited before everybody else.
// Every claimed place ends with a release.
func (v *revision) claim(front bool) *pod {
	v.mu.Lock()
	if v.line.length > 0 && !front {
		v.mu.Unlock()
		return nil
	}
	p := v.usable.take()
	if p != nil {
		v.running++
	}
	v.mu.Unlock()
	return p
}

// await queues for a place, until ctx ends or for d. front puts a request that
// has waited before at the head of the line. bytes is what it weighs.
func (v *revision) await(ctx context.Context, bytes int64, d time.Duration, front bool) (*pod, error) {
	v.mu.Lock()
	if v.retired {
		v.mu.Unlock()
		return nil, errRetired
	}
	if !front && (v.line.length >= v.limits.length || v.line.bytes+bytes > v.limits.bytes) {
		v.mu.Unlock()
		return nil, errFull
	}
	w := &waiter{ready: make(chan *pod, 1), bytes: bytes}
	v.line.add(w, front)
	v.dispatch() // a place may have come free since claim
	v.askForPod()
	pressed := v.line.length == 1
	v.mu.Unlock()
	v.touch()
	if pressed {
		v.owner.active.press()
	}
	return v.wait(ctx, w, d)
}

// wait is the part of await without the lock.
func (v *revision) wait(ctx context.Context, w *waiter, d time.Duration) (*pod, error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	var why error
	select {
	case p := <-w.ready:
		return p, nil
	case <-ctx.Done():
		why = ctx.Err()
	case <-timer.C:
		why = errTimeout
	}
	v.mu.Lock()
	if w.queued {
		v.line.remove(w)
		v.mu.Unlock()
		return nil, why
	}
	v.mu.Unlock()
	p := <-w.ready // a place came in the same moment
	if why == errTimeout {
		return p, nil
	}
	v.release(p)
	return nil, why
}

// release gives a place back, to who waits longest. It tells whether nothing
// is left of the revision.
func (v *revision) release(p *pod) (empty bool) {
	v.mu.Lock()
	v.running--
	p.inflight--
	v.usable.lighter(p)
	if v.line.length > 0 {
		v.dispatch()
	}
	over := p.gone && p.inflight == 0
	empty = v.running == 0 && len(v.pods) == 0 && v.line.length == 0
	v.mu.Unlock()
	if over {
		p.upstream.Close()
	}
	return empty
}

// dispatch hands free places to the line. The caller holds mu.
func (v *revision) dispatch() {
	for v.line.length > 0 {
		p := v.usable.take()
		if p == nil {
			return
		}
		w := v.line.head
		v.line.remove(w)
		v.running++
		w.ready <- p
	}
}

// line is a list of waiters, oldest first, with what they weigh.
type line struct {
	head, tail *waiter
	length     int
	bytes      int64
}

func (l *line) add(w *waiter, front bool) {
	w.queued = true
	l.length++
	l.bytes += w.bytes
	switch {
	case l.head == nil:
		l.head, l.tail = w, w
	case front:
		w.next, l.head.prev = l.head, w
		l.head = w
	default:
		w.prev, l.tail.next = l.tail, w
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
