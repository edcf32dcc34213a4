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
	b.moving.Lock() // no stream opens meanwhile
	defer b.moving.Unlock()
	b.endStreams(name)
	for {
		from, err := b.find(ctx, name)
		if err != nil {
			return err
		}
		if _, err = b.move(ctx, name, from, to); !errors.Is(err, bus.ErrMoved) {
			return err
		}
	}
}

// endStreams is called before anything moves, so that no late settlement meets
// the new place.
func (b *Bus) endStreams(name bus.SubscriptionName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.streams[name] {
		s.end(bus.ErrMoved)
	}
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
