package memory

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// DefaultMaxBytes is what a bus holds at most.
const DefaultMaxBytes = 256 << 20

// Promises are what this driver keeps.
var Promises = bus.Promises{
	Ordered: true, Sequence: true, Replay: true, Positions: true, History: true, Lag: true, Age: true, Listed: true, Direct: true,
}

// Config is how to make a bus.
type Config struct {
	// MaxBytes bounds headers and bodies of all messages. Default: 256 MiB.
	MaxBytes int64
	// Log is told that this bus forgets. Default: slog.Default().
	Log *slog.Logger
}

// Bus is a bus.Driver.
type Bus struct {
	max   int64
	bytes atomic.Int64

	mu     sync.RWMutex // guards topics
	topics map[string]*topic
}

var (
	_ bus.Driver  = (*Bus)(nil)
	_ bus.Seeker  = (*Bus)(nil)
	_ bus.Browser = (*Bus)(nil)
	_ bus.Gauge   = (*Bus)(nil)
)

// New returns an empty bus.
func New(cfg Config) *Bus {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	cfg.Log.Warn("this bus is in memory: it forgets all events and places when the process ends; use jetstream to keep them")
	return &Bus{max: cmp.Or(cfg.MaxBytes, DefaultMaxBytes), topics: map[string]*topic{}}
}

// Publish implements bus.Driver.
func (b *Bus) Publish(_ context.Context, topic string, batch []*bus.Message) error {
	t, err := b.topic(topic)
	if err != nil {
		return err
	}
	var size int64
	for _, m := range batch {
		size += sizeOf(m)
	}
	if b.bytes.Add(size) > b.max {
		b.bytes.Add(-size)
		return fmt.Errorf("%w: %d bytes are held", bus.ErrFull, b.bytes.Load())
	}
	b.bytes.Add(-t.append(batch))
	return nil
}

// Receive implements bus.Driver.
func (b *Bus) Receive(_ context.Context, from bus.Receive) (bus.Stream, error) {
	t, s, err := b.subscription(from.Topic, from.Subscription)
	if err != nil {
		return nil, err
	}
	return t.open(s, from.Ordered), nil
}

// Close implements bus.Driver.
func (b *Bus) Close() error { return nil }

// EnsureTopic implements bus.Admin.
func (b *Bus) EnsureTopic(_ context.Context, spec bus.TopicSpec) error {
	keep, err := keepOf(spec)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topics[spec.Name]
	if t == nil {
		t = newTopic()
		b.topics[spec.Name] = t
	}
	b.bytes.Add(-t.configure(keep, spec.Retention))
	return nil
}

// EnsureSubscription implements bus.Admin.
func (b *Bus) EnsureSubscription(_ context.Context, spec bus.SubscriptionSpec) error {
	t, err := b.topic(spec.Topic)
	if err != nil {
		return err
	}
	return t.subscribe(spec.Name, spec.Start)
}

// RemoveTopic implements bus.Admin.
func (b *Bus) RemoveTopic(_ context.Context, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.topics[name]; t != nil {
		b.bytes.Add(-t.remove())
		delete(b.topics, name)
	}
	return nil
}

// RemoveSubscription implements bus.Admin.
func (b *Bus) RemoveSubscription(_ context.Context, topic, name string) error {
	if t, err := b.topic(topic); err == nil {
		b.bytes.Add(-t.unsubscribe(name))
	}
	return nil
}

// List implements bus.Admin.
func (b *Bus) List(context.Context) (bus.Inventory, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var inv bus.Inventory
	for name, t := range b.topics {
		inv.Topics = append(inv.Topics, name)
		for _, sub := range t.names() {
			inv.Subscriptions = append(inv.Subscriptions, bus.SubscriptionName{Topic: name, Name: sub})
		}
	}
	inv.Sort()
	return inv, nil
}

func (b *Bus) topic(name string) (*topic, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if t := b.topics[name]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("topic %q: %w", name, bus.ErrNotFound)
}

func (b *Bus) subscription(topicName, name string) (*topic, *subscription, error) {
	t, err := b.topic(topicName)
	if err != nil {
		return nil, nil, err
	}
	s, err := t.subscription(name)
	if err != nil {
		return nil, nil, fmt.Errorf("topic %q: %w", topicName, err)
	}
	return t, s, nil
}
