package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// maxAckPending is the most that all receivers of a subscription hold.
const maxAckPending = 1 << 16

// EnsureTopic implements bus.Admin.
func (b *Bus) EnsureTopic(ctx context.Context, spec bus.TopicSpec) error {
	want, err := streamConfig(spec)
	if err != nil {
		return err
	}
	s, err := b.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = b.js.CreateStream(ctx, want)
		return wrap("topic", spec.Name, err)
	}
	if err != nil {
		return wrap("topic", spec.Name, err)
	}
	have := s.CachedInfo().Config
	mark := readMark(have.Description)
	if mark.Topic != spec.Name || mark.Subscription != "" {
		return fmt.Errorf("topic %q: stream %s: %w", spec.Name, want.Name, bus.ErrForeign)
	}
	if have.MaxBytes == want.MaxBytes && have.Replicas == max(want.Replicas, 1) && have.Description == want.Description {
		return nil
	}
	_, err = b.js.UpdateStream(ctx, want)
	return wrap("topic", spec.Name, err)
}

func streamConfig(spec bus.TopicSpec) (jetstream.StreamConfig, error) {
	maxBytes, err := number(spec, "maxBytes", defaultMaxBytes)
	if err != nil {
		return jetstream.StreamConfig{}, err
	}
	replicas, err := number(spec, "replicas", 1)
	if err != nil {
		return jetstream.StreamConfig{}, err
	}
	retention := DefaultRetention
	if spec.Retention > 0 {
		retention = spec.Retention
	}
	return jetstream.StreamConfig{
		Name: streamOf(spec.Name), Subjects: []string{subjectOf(spec.Name)}, Storage: jetstream.FileStorage,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew, MaxBytes: maxBytes, Replicas: int(replicas), AllowDirect: true,
		Description: mark{Topic: spec.Name, Retention: retention.String()}.String(),
	}, nil
}

func number(spec bus.TopicSpec, name string, otherwise int64) (int64, error) {
	s, given := spec.Args[name]
	if !given || s == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("topic %q: %s: %q is no positive number", spec.Name, name, s)
	}
	return n, nil
}

// EnsureSubscription implements bus.Admin.
func (b *Bus) EnsureSubscription(ctx context.Context, spec bus.SubscriptionSpec) error {
	name := bus.SubscriptionName{Topic: spec.Topic, Name: spec.Name}
	_, err := b.find(ctx, name)
	if !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return err
	}
	start, err := b.fixed(ctx, spec.Topic, spec.Start)
	if err != nil {
		return err
	}
	cfg, err := b.consumerConfig(name, 0, start)
	if err != nil {
		return err
	}
	_, err = b.js.CreateConsumer(ctx, streamOf(spec.Topic), cfg)
	if isTaken(err) {
		// By another of us just now, or by a stranger.
		if _, found := b.find(ctx, name); !errors.Is(found, jetstream.ErrConsumerNotFound) {
			return found
		}
		return fmt.Errorf("subscription %q: consumer %s: %w", spec.Name, cfg.Durable, bus.ErrForeign)
	}
	return wrap("subscription", spec.Name, err)
}

func (b *Bus) consumerConfig(name bus.SubscriptionName, moves int, start bus.Point) (jetstream.ConsumerConfig, error) {
	cfg := jetstream.ConsumerConfig{
		Durable: consumerOf(name, moves), AckPolicy: jetstream.AckExplicitPolicy, AckWait: b.lease, MaxDeliver: -1, MaxAckPending: maxAckPending,
		Description: mark{Topic: name.Topic, Subscription: name.Name, Move: moves}.String(),
	}
	return cfg, startAt(&cfg, start)
}

func startAt(cfg *jetstream.ConsumerConfig, start bus.Point) error {
	if start.IsLatest() {
		cfg.DeliverPolicy = jetstream.DeliverNewPolicy
		return nil
	}
	if t, ok := start.Time(); ok {
		cfg.DeliverPolicy, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, &t
		return nil
	}
	if _, ok := start.Position(); ok {
		seq, err := sequence(start)
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, seq
		return err
	}
	cfg.DeliverPolicy = jetstream.DeliverAllPolicy
	return nil
}

// sequence reads a position.
func sequence(p bus.Point) (uint64, error) {
	position, _ := p.Position()
	seq, err := strconv.ParseUint(position, 10, 64)
	if err != nil || seq == 0 {
		return 0, fmt.Errorf("position %q: a position of this bus is a number from 1", position)
	}
	return seq, nil
}

// RemoveTopic implements bus.Admin.
func (b *Bus) RemoveTopic(ctx context.Context, name string) error {
	s, err := b.js.Stream(ctx, streamOf(name))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return wrap("topic", name, err)
	}
	if readMark(s.CachedInfo().Config.Description).Topic != name {
		return fmt.Errorf("topic %q: stream %s: %w", name, streamOf(name), bus.ErrForeign)
	}
	return wrap("topic", name, b.js.DeleteStream(ctx, streamOf(name)))
}

// RemoveSubscription implements bus.Admin.
func (b *Bus) RemoveSubscription(ctx context.Context, topic, name string) error {
	subscription := bus.SubscriptionName{Topic: topic, Name: name}
	c, err := b.js.Consumer(ctx, streamOf(topic), token(name))
	if err == nil && !ours(c.CachedInfo(), subscription) {
		return fmt.Errorf("subscription %q: %w", name, bus.ErrForeign)
	}
	all, err := b.generations(ctx, subscription)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err == nil {
		err = b.deleteConsumers(ctx, subscription, all...)
	}
	return wrap("subscription", name, err)
}

// List implements bus.Admin.
func (b *Bus) List(ctx context.Context) (bus.Inventory, error) {
	var inv bus.Inventory
	streams := b.js.ListStreams(ctx)
	for info := range streams.Info() {
		topic := readMark(info.Config.Description).Topic
		if topic == "" || info.Config.Name != streamOf(topic) {
			continue
		}
		inv.Topics = append(inv.Topics, topic)
		err := b.consumers(ctx, topic, func(c *jetstream.ConsumerInfo) {
			inv.Subscriptions = append(inv.Subscriptions, bus.SubscriptionName{Topic: topic, Name: readMark(c.Config.Description).Subscription})
		})
		if err != nil {
			return bus.Inventory{}, err
		}
	}
	inv.Sort()
	inv.Subscriptions = slices.Compact(inv.Subscriptions) // one that is moved has two
	return inv, streams.Err()
}

// consumers calls f for our consumers of a topic.
func (b *Bus) consumers(ctx context.Context, topic string, f func(*jetstream.ConsumerInfo)) error {
	s, err := b.js.Stream(ctx, streamOf(topic))
	if err != nil {
		return wrap("topic", topic, err)
	}
	list := s.ListConsumers(ctx)
	for c := range list.Info() {
		if readMark(c.Config.Description).Subscription != "" {
			f(c)
		}
	}
	return list.Err()
}

// wrap names the subject of an error.
func wrap(kind, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %q: %w", kind, name, notFound(err))
}
