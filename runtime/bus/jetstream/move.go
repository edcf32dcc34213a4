package jetstream

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// NATS cannot move a consumer to wherever it likes, so a move makes another one
// and then deletes the old. Each has a name of its own, for two reasons. A server
// that deletes a consumer may still be writing its state: one of the same name
// would find that. And who dies in between leaves two, of which the younger
// holds the place.

// find returns a subscription's consumer.
func (b *Bus) find(ctx context.Context, name bus.SubscriptionName) (jetstream.Consumer, error) {
	c, err := b.js.Consumer(ctx, streamOf(name.Topic), consumerOf(name, b.lastMove(name)))
	if err == nil && ours(c.CachedInfo(), name) {
		return c, nil
	}
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil, wrap("subscription", name.Name, err)
	}
	for {
		all, err := b.generations(ctx, name)
		if err != nil {
			return nil, wrap("subscription", name.Name, err)
		}
		if len(all) == 0 {
			return nil, wrap("subscription", name.Name, jetstream.ErrConsumerNotFound)
		}
		last := len(all) - 1
		if err := b.deleteConsumers(ctx, name, all[:last]...); err != nil {
			return nil, wrap("subscription", name.Name, err)
		}
		c, err := b.js.Consumer(ctx, streamOf(name.Topic), consumerOf(name, all[last]))
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			continue // moved since
		}
		if err == nil && !ours(c.CachedInfo(), name) {
			err = jetstream.ErrConsumerNotFound
		}
		if err != nil {
			return nil, wrap("subscription", name.Name, err)
		}
		b.noteMove(name, all[last])
		return c, nil
	}
}

// move makes a subscription go on elsewhere and returns its new consumer.
// bus.ErrMoved says that it is no longer where it was found.
func (b *Bus) move(ctx context.Context, name bus.SubscriptionName, from jetstream.Consumer, to bus.Point) (jetstream.Consumer, error) {
	to, err := b.fixed(ctx, name.Topic, to)
	if err != nil {
		return nil, err
	}
	next := readMark(from.CachedInfo().Config.Description).Move + 1
	cfg, err := b.consumerConfig(name, next, to)
	if err != nil {
		return nil, err
	}
	c, err := b.js.CreateConsumer(ctx, streamOf(name.Topic), cfg)
	if isTaken(err) {
		b.noteMove(name, next)
		return nil, bus.ErrMoved
	}
	if err != nil {
		return nil, wrap("subscription", name.Name, err)
	}
	b.noteMove(name, next)
	all, err := b.generations(ctx, name)
	if err == nil {
		older := slices.DeleteFunc(all, func(n int) bool { return n >= next })
		err = b.deleteConsumers(ctx, name, older...)
	}
	return c, wrap("subscription", name.Name, err)
}

// fixed is a point that does not move with the topic, and not after its end: what
// comes before a position that is not there yet would be passed over.
func (b *Bus) fixed(ctx context.Context, topic string, p bus.Point) (bus.Point, error) {
	wanted := uint64(math.MaxUint64)
	if _, ok := p.Position(); ok {
		seq, err := sequence(p)
		if err != nil {
			return p, err
		}
		wanted = seq
	} else if !p.IsLatest() {
		return p, nil
	}
	s, err := b.js.Stream(ctx, streamOf(topic))
	if err != nil {
		return p, wrap("topic", topic, err)
	}
	return bus.From(position(min(wanted, s.CachedInfo().State.LastSeq+1))), nil
}

// generations are the consumers of a subscription by their moves, oldest first:
// one, or more while it is moved. It goes by names, because the server takes
// those down all at once: none means that there is none.
func (b *Bus) generations(ctx context.Context, name bus.SubscriptionName) (all []int, err error) {
	s, err := b.js.Stream(ctx, streamOf(name.Topic))
	if err != nil {
		return nil, err
	}
	list := s.ConsumerNames(ctx)
	for consumer := range list.Name() {
		if moves, is := movesOf(name, consumer); is {
			all = append(all, moves)
		}
	}
	slices.Sort(all)
	return all, list.Err()
}

func ours(c *jetstream.ConsumerInfo, name bus.SubscriptionName) bool {
	m := readMark(c.Config.Description)
	return m.Topic == name.Topic && m.Subscription == name.Name
}

// deleteConsumers also takes it for done when the server failed to remove a
// file of one that is gone.
func (b *Bus) deleteConsumers(ctx context.Context, name bus.SubscriptionName, moves ...int) error {
	for _, n := range moves {
		stream, consumer := streamOf(name.Topic), consumerOf(name, n)
		err := b.js.DeleteConsumer(ctx, stream, consumer)
		if err == nil || errors.Is(err, jetstream.ErrConsumerNotFound) {
			continue
		}
		if _, gone := b.js.Consumer(ctx, stream, consumer); !errors.Is(gone, jetstream.ErrConsumerNotFound) {
			return err
		}
	}
	return nil
}

// isTaken knows the error codes of a consumer that is there already, and is
// another.
func isTaken(err error) bool {
	api := (*jetstream.APIError)(nil)
	return errors.As(err, &api) && (api.ErrorCode == 10148 || api.ErrorCode == 10013)
}

// lastMove is how often a subscription was moved, as far as is known here.
func (b *Bus) lastMove(name bus.SubscriptionName) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.moves[name]
}

func (b *Bus) noteMove(name bus.SubscriptionName, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n == 0 {
		delete(b.moves, name)
		return
	}
	b.moves[name] = n
}
