package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxBatch is the most messages handed to a driver at once, maxFlights how
	// many batches of a topic are under way at once.
	maxBatch   = 512
	maxFlights = 4
	// publishTimeout bounds one batch, whoever still waits for it.
	publishTimeout = 30 * time.Second
)

// Topic publishes to one topic. What callers publish at the same time is stored
// together; no one waits for company.
type Topic struct {
	name   string
	driver Driver
	direct bool

	mu      sync.Mutex // guards what follows
	pending []*publish
	flights int
	closed  bool
	idle    sync.WaitGroup

	published atomic.Int64
	failed    atomic.Int64
}

// publish is one call of Publish.
type publish struct {
	messages []*Message
	done     chan error
}

// NewTopic returns a publisher for a topic that is there (Admin.EnsureTopic).
func NewTopic(d Driver, promises Promises, name string) *Topic {
	return &Topic{name: name, driver: d, direct: promises.Direct}
}

// Name is the topic's.
func (t *Topic) Name() string { return t.name }

// Publish returns nil when the bus has stored all messages, in the order given.
// On an error, and when ctx ends first, they may have been stored all the same:
// whoever needs to be sure publishes them again, under the same ID.
func (t *Topic) Publish(ctx context.Context, messages ...*Message) error {
	if len(messages) == 0 {
		return nil
	}
	if t.direct {
		return t.count(len(messages), t.driver.Publish(ctx, t.name, messages))
	}
	p, err := t.enter(messages)
	if err != nil {
		return err
	}
	if p == nil {
		return t.flyAlone(ctx, messages)
	}
	select {
	case err := <-p.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("topic %s: %w", t.name, context.Cause(ctx))
	}
}

// enter takes a flight, or, where all are under way, leaves the messages for the
// next and returns what to wait for.
func (t *Topic) enter(messages []*Message) (*publish, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, fmt.Errorf("topic %s: %w", t.name, ErrClosed)
	}
	if t.flights < maxFlights {
		t.flights++
		t.idle.Add(1)
		return nil, nil
	}
	p := &publish{messages: messages, done: make(chan error, 1)}
	t.pending = append(t.pending, p)
	return p, nil
}

// flyAlone stores one call's messages in its own goroutine; what came meanwhile
// flies on without it.
func (t *Topic) flyAlone(ctx context.Context, messages []*Message) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	defer t.land()
	return t.count(len(messages), t.driver.Publish(ctx, t.name, messages))
}

// land gives up a flight, or hands it on.
func (t *Topic) land() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.pending) > 0 {
		go t.fly()
		return
	}
	t.flights--
	t.idle.Done()
}

// fly stores batches until nothing is pending.
func (t *Topic) fly() {
	defer t.idle.Done()
	for {
		calls, batch := t.take()
		if len(calls) == 0 {
			return
		}
		t.store(calls, batch)
	}
}

// take gives up the flight where nothing is pending.
func (t *Topic) take() (calls []*publish, batch []*Message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for n < len(t.pending) && (n == 0 || len(batch)+len(t.pending[n].messages) <= maxBatch) {
		batch = append(batch, t.pending[n].messages...)
		n++
	}
	if n == 0 {
		t.flights--
		return nil, nil
	}
	calls = append(calls, t.pending[:n]...)
	left := copy(t.pending, t.pending[n:])
	clear(t.pending[left:])
	t.pending = t.pending[:left]
	return calls, batch
}

// store answers every call. Where one message is too large each call is tried by
// itself, so that it does not fail its neighbours.
func (t *Topic) store(calls []*publish, batch []*Message) {
	ctx, cancel := context.WithTimeout(context.Background(), publishTimeout)
	defer cancel()
	err := t.driver.Publish(ctx, t.name, batch)
	if len(calls) == 1 || !errors.Is(err, ErrTooLarge) {
		for _, c := range calls {
			c.done <- t.count(len(c.messages), err)
		}
		return
	}
	for _, c := range calls {
		c.done <- t.count(len(c.messages), t.driver.Publish(ctx, t.name, c.messages))
	}
}

func (t *Topic) count(n int, err error) error {
	if err != nil {
		t.failed.Add(int64(n))
		return fmt.Errorf("topic %s: %w", t.name, err)
	}
	t.published.Add(int64(n))
	return nil
}

// Published counts the messages that were stored and those that were refused.
func (t *Topic) Published() (stored, refused int64) { return t.published.Load(), t.failed.Load() }

// Close waits for what is being stored; what comes later is ErrClosed.
func (t *Topic) Close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.idle.Wait()
}
