package memory

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// defaultKeep is how many settled messages are kept for replay.
const defaultKeep = 10_000

// topic is a log and its subscriptions.
type topic struct {
	mu            sync.Mutex // guards everything, its subscriptions' too
	base          int64      // the offset of log[0]
	log           []*bus.Message
	keep          int
	retention     time.Duration
	subscriptions map[string]*subscription
	grown         chan struct{} // closed when the log grows; nil where no one browses
	removed       bool
}

func newTopic() *topic { return &topic{subscriptions: map[string]*subscription{}} }

// keepOf reads the argument maxMessages.
func keepOf(spec bus.TopicSpec) (int, error) {
	s, given := spec.Args["maxMessages"]
	if !given {
		return defaultKeep, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("topic %q: maxMessages: %q is no number of messages", spec.Name, s)
	}
	return n, nil
}

func (t *topic) configure(keep int, retention time.Duration) (freed int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keep, t.retention = keep, retention
	return t.trim()
}

// append stores messages and returns the bytes of old ones that were let go.
func (t *topic) append(batch []*bus.Message) (freed int64) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range batch {
		stored := &bus.Message{ID: m.ID, Key: m.Key, Headers: m.Headers, Body: m.Body, Published: now}
		stored.Position = strconv.FormatInt(t.next(), 10)
		m.Position = stored.Position
		t.log = append(t.log, stored)
	}
	for _, s := range t.subscriptions {
		s.wake()
	}
	if t.grown != nil {
		close(t.grown)
		t.grown = nil
	}
	return t.trim()
}

func (t *topic) next() int64 { return t.base + int64(len(t.log)) }

// at returns the message at an offset that the log has.
func (t *topic) at(offset int64) *bus.Message { return t.log[offset-t.base] }

// trim lets go of messages that all have settled, beyond what is kept for
// replay. Under mu.
func (t *topic) trim() (freed int64) {
	settled := t.next()
	for _, s := range t.subscriptions {
		settled = min(settled, s.cursor.Place())
	}
	n := int(min(settled-t.base, int64(len(t.log)-t.keep)))
	for i := 0; i < n; i++ {
		if t.retention > 0 && time.Since(t.log[i].Published) < t.retention {
			n = i
			break
		}
		freed += sizeOf(t.log[i])
	}
	if n <= 0 {
		return 0
	}
	clear(t.log[:n])
	t.log = t.log[n:]
	t.base += int64(n)
	return freed
}

func (t *topic) subscribe(name string, start bus.Point) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.subscriptions[name] != nil {
		return nil
	}
	place, err := t.resolve(start)
	if err != nil {
		return err
	}
	t.subscriptions[name] = newSubscription(place)
	return nil
}

// resolve finds the offset of a point. Under mu.
func (t *topic) resolve(p bus.Point) (int64, error) {
	if p.IsLatest() {
		return t.next(), nil
	}
	if since, ok := p.Time(); ok {
		i, _ := slices.BinarySearchFunc(t.log, since, func(m *bus.Message, at time.Time) int { return m.Published.Compare(at) })
		return t.base + int64(i), nil
	}
	position, ok := p.Position()
	if !ok {
		return t.base, nil
	}
	offset, err := strconv.ParseInt(position, 10, 64)
	if err != nil || offset < 0 {
		return 0, fmt.Errorf("position %q: a position of this bus is a number", position)
	}
	return min(max(offset, t.base), t.next()), nil
}

func (t *topic) subscription(name string) (*subscription, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.subscriptions[name]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("subscription %q: %w", name, bus.ErrNotFound)
}

func (t *topic) unsubscribe(name string) (freed int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.subscriptions[name]; s != nil {
		s.end(fmt.Errorf("subscription %q: %w", name, bus.ErrNotFound))
		delete(t.subscriptions, name)
	}
	return t.trim()
}

func (t *topic) remove() (freed int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, s := range t.subscriptions {
		s.end(fmt.Errorf("subscription %q: %w", name, bus.ErrNotFound))
	}
	for _, m := range t.log {
		freed += sizeOf(m)
	}
	t.removed, t.log = true, nil
	return freed
}

func (t *topic) names() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Keys(t.subscriptions))
}

func sizeOf(m *bus.Message) int64 {
	n := len(m.Body) + len(m.ID) + len(m.Key)
	for k, v := range m.Headers {
		n += len(k) + len(v)
	}
	return int64(n)
}
