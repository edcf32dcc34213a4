package peer

import (
	"sync"

	"github.com/sluice-dev/sluice/runtime/activator"
)

// lender asks one other activator for places.
type lender struct {
	name string
	link *link

	mu     sync.Mutex // guards what follows
	last   uint64
	waits  map[uint64]func(activator.Reply)
	closed bool

	round uint64 // of the last tell; the Peers' mu guards it
}

var _ activator.Lender = (*lender)(nil)

func newLender(name string, l *link) *lender {
	return &lender{name: name, link: l, waits: map[uint64]func(activator.Reply){}}
}

// Ask implements activator.Lender.
func (l *lender) Ask(a activator.Asking, reply func(activator.Reply)) uint64 {
	l.mu.Lock()
	l.last++
	id := l.last
	if l.closed {
		l.mu.Unlock()
		reply(activator.Reply{})
		return id
	}
	l.waits[id] = reply
	l.mu.Unlock()
	f := frame{kind: ask, id: id, n: uint64(max(a.Bytes, 0)), after: a.Waited, key: a.Key}
	if a.Again {
		f.flags |= flagAgain
	}
	if a.Insist {
		f.flags |= flagInsist
	}
	l.link.send(f) // a link that is closed ends the lender, which answers
	return id
}

// Cancel implements activator.Lender.
func (l *lender) Cancel(id uint64) bool {
	l.mu.Lock()
	_, waits := l.waits[id]
	delete(l.waits, id)
	l.mu.Unlock()
	if waits {
		l.link.send(frame{kind: cancel, id: id})
	}
	return waits
}

// Release implements activator.Lender.
func (l *lender) Release(k activator.Key, pod string) {
	l.link.send(frame{kind: release, key: k, pod: pod})
}

// Doubt implements activator.Lender.
func (l *lender) Doubt(k activator.Key, pod string) {
	l.link.send(frame{kind: doubt, key: k, pod: pod})
}

// Hold implements activator.Lender.
func (l *lender) Hold(k activator.Key, pod string, n int) {
	l.link.send(frame{kind: hold, key: k, pod: pod, n: uint64(max(n, 0))})
}

// Forget implements activator.Lender.
func (l *lender) Forget(k activator.Key) { l.link.send(frame{kind: forget, key: k}) }

// answered hands a reply to who waits for it; a place that nobody waits for
// any more is given back.
func (l *lender) answered(f *frame) {
	r := f.reply()
	l.mu.Lock()
	reply, waits := l.waits[f.id]
	delete(l.waits, f.id)
	l.mu.Unlock()
	switch {
	case waits:
		reply(r)
	case r.Place != nil && r.Place.Counted:
		l.Release(f.key, f.pod)
	}
}

// end tells everybody who waits to ask again.
func (l *lender) end() {
	l.mu.Lock()
	waits := l.waits
	l.waits, l.closed = nil, true
	l.mu.Unlock()
	for _, reply := range waits {
		reply(activator.Reply{})
	}
}
