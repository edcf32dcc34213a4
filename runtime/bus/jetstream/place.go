package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// Seek implements bus.Seeker.
func (b *Bus) Seek(ctx context.Context, topic, subscription string, to bus.Point) error {
	name := bus.SubscriptionName{Topic: topic, Name: subscription}
	if _, ok := to.Position(); ok {
		if _, err := sequence(to); err != nil {
			return err
		}
	}
	if _, err := b.find(ctx, name); err != nil {
		return err
	}
	b.moving.Lock() // no stream opens meanwhile
	defer b.moving.Unlock()
	b.mu.Lock()
	open := b.streams[name]
	for s := range open {
		// Before anything moves, so that no late settlement meets the new place.
		s.end(bus.ErrMoved)
	}
	b.mu.Unlock()
	return b.place(ctx, name, to)
}

// place makes the consumer again, at another place: NATS cannot move one to
// wherever it likes. A second one holds the place meanwhile, so that whoever
// dies in between leaves it to recover.
func (b *Bus) place(ctx context.Context, name bus.SubscriptionName, to bus.Point) error {
	if to.IsLatest() {
		s, err := b.js.Stream(ctx, streamOf(name.Topic))
		if err != nil {
			return wrap("topic", name.Topic, err)
		}
		to = bus.From(position(s.CachedInfo().State.LastSeq + 1))
	}
	keeper, err := b.consumerConfig(name, to)
	if err != nil {
		return err
	}
	keeper.Durable, keeper.InactiveThreshold = keeperOf(name), keeperLife
	keeper.Description = mark{Topic: name.Topic, Moving: name.Name}.String()
	if err := b.deleteConsumer(ctx, name.Topic, keeper.Durable); err != nil {
		return err
	}
	if _, err := b.js.CreateConsumer(ctx, streamOf(name.Topic), keeper); err != nil {
		return wrap("subscription", name.Name, err)
	}
	if err := b.deleteConsumer(ctx, name.Topic, token(name.Name)); err != nil {
		return err
	}
	return b.recoverPlace(ctx, name)
}

// keeperLife is for how long an interrupted move can be recovered.
const keeperLife = 7 * 24 * time.Hour

// keeperOf is no token, so no subscription has it.
func keeperOf(name bus.SubscriptionName) string { return token(name.Name) + "=to" }

// recoverPlace makes the consumer that a keeper holds the place for;
// bus.ErrNotFound where there is none.
func (b *Bus) recoverPlace(ctx context.Context, name bus.SubscriptionName) error {
	keeper, err := b.js.Consumer(ctx, streamOf(name.Topic), keeperOf(name))
	if err != nil {
		return wrap("subscription", name.Name, err)
	}
	cfg, err := b.consumerConfig(name, bus.Earliest())
	if err != nil {
		return err
	}
	kept := keeper.CachedInfo().Config
	cfg.DeliverPolicy, cfg.OptStartSeq, cfg.OptStartTime = kept.DeliverPolicy, kept.OptStartSeq, kept.OptStartTime
	if _, err := b.js.CreateConsumer(ctx, streamOf(name.Topic), cfg); err != nil && !errors.Is(err, jetstream.ErrConsumerExists) {
		return wrap("subscription", name.Name, err)
	}
	return b.deleteConsumer(ctx, name.Topic, keeperOf(name))
}

func (b *Bus) deleteConsumer(ctx context.Context, topic, consumer string) error {
	err := b.js.DeleteConsumer(ctx, streamOf(topic), consumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil
	}
	return wrap("topic", topic, err)
}

// find returns a subscription's consumer, recovered where it was left half moved.
func (b *Bus) find(ctx context.Context, name bus.SubscriptionName) (jetstream.Consumer, error) {
	c, err := b.js.Consumer(ctx, streamOf(name.Topic), token(name.Name))
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		if err = b.recoverPlace(ctx, name); err == nil {
			c, err = b.js.Consumer(ctx, streamOf(name.Topic), token(name.Name))
		}
	}
	return c, wrap("subscription", name.Name, err)
}

// Lag implements bus.Gauge.
func (b *Bus) Lag(ctx context.Context, topic, subscription string) (bus.Lag, error) {
	c, err := b.find(ctx, bus.SubscriptionName{Topic: topic, Name: subscription})
	if err != nil {
		return bus.Lag{}, err
	}
	info := c.CachedInfo()
	lag := bus.Lag{Messages: int64(info.NumPending) + int64(info.NumAckPending)}
	if lag.Messages == 0 {
		return lag, nil
	}
	s, err := b.js.Stream(ctx, streamOf(topic))
	if err != nil {
		return bus.Lag{}, wrap("topic", topic, err)
	}
	state := s.CachedInfo().State
	first := max(firstUnsettled(info, state.LastSeq+1), state.FirstSeq)
	if m, err := s.GetMsg(ctx, first); err == nil {
		lag.Oldest = m.Time
	}
	return lag, nil
}

// Browse implements bus.Browser.
func (b *Bus) Browse(ctx context.Context, topic string, from bus.Point, follow bool, yield func(*bus.Message) bool) error {
	s, err := b.js.Stream(ctx, streamOf(topic))
	if err != nil {
		return wrap("topic", topic, err)
	}
	last := s.CachedInfo().State.LastSeq
	cfg, empty, err := b.browseFrom(ctx, s, from)
	if err != nil || empty && !follow {
		return err
	}
	c, err := s.OrderedConsumer(ctx, cfg)
	if err != nil {
		return wrap("topic", topic, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWait)
		defer cancel()
		if info := c.CachedInfo(); info != nil {
			_ = s.DeleteConsumer(ctx, info.Name) // it ends by itself when it is idle
		}
	}()
	messages, err := c.Messages()
	if err != nil {
		return wrap("topic", topic, err)
	}
	defer messages.Stop()
	for {
		raw, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("topic %q: %w", topic, err)
		}
		meta, err := raw.Metadata()
		if err != nil {
			return err
		}
		m := fromNATS(raw.Headers(), raw.Data())
		m.Position, m.Published = position(meta.Sequence.Stream), meta.Timestamp
		if !yield(m) || !follow && meta.Sequence.Stream >= last {
			return nil
		}
	}
}

// browseFrom also says whether there is nothing stored from that point on.
func (b *Bus) browseFrom(ctx context.Context, s jetstream.Stream, from bus.Point) (cfg jetstream.OrderedConsumerConfig, empty bool, err error) {
	var c jetstream.ConsumerConfig
	if err := startAt(&c, from); err != nil {
		return cfg, false, err
	}
	cfg = jetstream.OrderedConsumerConfig{
		DeliverPolicy: c.DeliverPolicy, OptStartSeq: c.OptStartSeq, OptStartTime: c.OptStartTime, InactiveThreshold: time.Minute,
	}
	state := s.CachedInfo().State
	switch {
	case state.Msgs == 0, c.DeliverPolicy == jetstream.DeliverNewPolicy, c.OptStartSeq > state.LastSeq:
		empty = true
	case c.OptStartTime != nil:
		newest, err := s.GetMsg(ctx, state.LastSeq)
		empty = err == nil && newest.Time.Before(*c.OptStartTime)
	}
	return cfg, empty, nil
}
