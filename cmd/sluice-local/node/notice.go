package node

import (
	"sync"
	"time"
)

// notice wakes everybody who waits for something to change.
type notice struct {
	mu sync.Mutex // guards ch
	ch chan struct{}
}

// next is closed at the next wake.
func (n *notice) next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch == nil {
		n.ch = make(chan struct{})
	}
	return n.ch
}

func (n *notice) wake() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch != nil {
		close(n.ch)
		n.ch = nil
	}
}

// flag is a channel that can be closed any number of times.
type flag struct {
	once sync.Once
	ch   chan struct{}
}

func newFlag() *flag { return &flag{ch: make(chan struct{})} }

func (f *flag) raise() { f.once.Do(func() { close(f.ch) }) }

func (f *flag) raised() bool {
	select {
	case <-f.ch:
		return true
	default:
		return false
	}
}

// deadline is a time that can only be moved closer.
type deadline struct {
	passed *flag

	mu    sync.Mutex // guards the below
	timer *time.Timer
	at    time.Time
}

func newDeadline() *deadline { return &deadline{passed: newFlag()} }

// within sets the deadline, or moves it if that makes it earlier.
func (d *deadline) within(grace time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := time.Now().Add(grace)
	if d.timer != nil && !at.Before(d.at) {
		return
	}
	if d.timer != nil {
		d.timer.Stop()
	}
	d.at = at
	d.timer = time.AfterFunc(grace, d.passed.raise)
}

func (d *deadline) cancel() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
}
