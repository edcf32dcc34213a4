package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// EnsureTopic implements bus.Admin. A topic that is there already, made by
// somebody else, is used as it is.
func (b *Bus) EnsureTopic(ctx context.Context, spec bus.TopicSpec) error {
	partitions, err := argument(spec, 1, "NumPartitions", "numPartitions")
	if err != nil {
		return err
	}
	replicas, err := argument(spec, -1, "ReplicationFactor", "replicationFactor")
	if err != nil {
		return err
	}
	retention := strconv.FormatInt(orDefault(spec.Retention, DefaultRetention).Milliseconds(), 10)
	made, err := b.admin.CreateTopic(ctx, int32(partitions), int16(replicas), map[string]*string{"retention.ms": &retention}, spec.Name)
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return b.changeTopic(ctx, spec.Name, int(partitions), retention)
	}
	if err != nil {
		return wrap("topic", spec.Name, err)
	}
	if err := b.ledger.note(ctx, spec.Name, &entry{TopicID: made.ID.String()}); err != nil {
		return err
	}
	// Not every broker knows at once what one has made.
	return again(ctx, func() error {
		_, err := b.resolve(ctx, spec.Name, bus.Latest())
		return err
	}, kerr.UnknownTopicOrPartition, kerr.LeaderNotAvailable, kerr.NotLeaderForPartition)
}

// changeTopic adds partitions and sets the retention of a topic of ours.
func (b *Bus) changeTopic(ctx context.Context, name string, partitions int, retention string) error {
	t, err := b.find(ctx, name)
	if err != nil {
		return err
	}
	owned, _, err := b.ledger.owned(ctx, t)
	if err != nil || !owned {
		return err
	}
	if have := len(t.Partitions); have < partitions {
		if _, err := b.admin.UpdatePartitions(ctx, partitions, name); err != nil {
			return wrap("topic", name, err)
		}
	} else if have > partitions {
		return fmt.Errorf("topic %q: it has %d partitions, and Kafka cannot make them %d: leave NumPartitions, or make another channel", name, have, partitions)
	}
	configs, err := b.admin.DescribeTopicConfigs(ctx, name)
	if err != nil {
		return wrap("topic", name, err)
	}
	for _, c := range configs {
		for _, k := range c.Configs {
			if k.Key == "retention.ms" && k.MaybeValue() == retention {
				return nil
			}
		}
	}
	_, err = b.admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &retention}}, name)
	return wrap("topic", name, err)
}

// argument reads a number under the first of its names.
func argument(spec bus.TopicSpec, otherwise int64, names ...string) (int64, error) {
	for _, name := range names {
		if s := spec.Args[name]; s != "" {
			n, err := strconv.ParseInt(s, 10, 16)
			if err != nil || n < 1 {
				return 0, fmt.Errorf("topic %q: %s: %q is no positive number", spec.Name, name, s)
			}
			return n, nil
		}
	}
	return otherwise, nil
}

// find returns a topic that exists.
func (b *Bus) find(ctx context.Context, name string) (kadm.TopicDetail, error) {
	topics, err := b.admin.ListTopics(ctx, name)
	if err != nil {
		return kadm.TopicDetail{}, wrap("topic", name, err)
	}
	t := topics[name]
	if t.Err == nil && !topics.Has(name) {
		t.Err = kerr.UnknownTopicOrPartition
	}
	return t, wrap("topic", name, t.Err)
}

// EnsureSubscription implements bus.Admin. A subscription is a group that has
// an offset for every partition.
func (b *Bus) EnsureSubscription(ctx context.Context, spec bus.SubscriptionSpec) error {
	t, err := b.find(ctx, spec.Topic)
	if err != nil {
		return err
	}
	group := groupOf(spec.Topic, spec.Name)
	have, err := b.committed(ctx, group, spec.Topic)
	if err != nil {
		return wrap("subscription", spec.Name, err)
	}
	places, err := b.resolve(ctx, spec.Topic, spec.Start)
	if err != nil {
		return err
	}
	missing := kadm.Offsets{}
	for p := range t.Partitions {
		if _, committed := have[p]; !committed {
			missing.AddOffset(spec.Topic, p, places[p], -1)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	err = b.whenCoordinated(ctx, func() error { return b.admin.CommitAllOffsets(ctx, group, missing) })
	if err != nil {
		if len(have) > 0 && errors.Is(err, kerr.UnknownMemberID) {
			return nil // receivers are at work: they begin new partitions at the oldest
		}
		return wrap("subscription", spec.Name, err)
	}
	return b.ledger.note(ctx, group, &entry{TopicID: t.ID.String()})
}

// committed are a group's offsets; empty where it has none.
func (b *Bus) committed(ctx context.Context, group, topic string) (map[int32]int64, error) {
	var answer kadm.OffsetResponses
	err := b.whenCoordinated(ctx, func() (err error) {
		answer, err = b.admin.FetchOffsets(ctx, group)
		return err
	})
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, err
	}
	places := map[int32]int64{}
	for p, o := range answer[topic] {
		if o.Err == nil && o.At >= 0 {
			places[p] = o.At
		}
	}
	return places, nil
}

// RemoveTopic implements bus.Admin.
func (b *Bus) RemoveTopic(ctx context.Context, name string) error {
	t, err := b.find(ctx, name)
	if errors.Is(err, bus.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	owned, entries, err := b.ledger.owned(ctx, t)
	if err != nil {
		return err
	}
	if !owned {
		return fmt.Errorf("topic %q: %w", name, bus.ErrForeign)
	}
	for _, sub := range subscriptionsOf(entries, name) {
		if err := b.RemoveSubscription(ctx, name, sub); err != nil {
			return err
		}
	}
	if _, err := b.admin.DeleteTopic(ctx, name); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return wrap("topic", name, err)
	}
	b.client.PurgeTopicsFromClient(name)
	return b.ledger.note(ctx, name, nil)
}

// RemoveSubscription implements bus.Admin.
func (b *Bus) RemoveSubscription(ctx context.Context, topic, name string) error {
	group := groupOf(topic, name)
	err := b.whenEmpty(ctx, func() error {
		_, err := b.admin.DeleteGroup(ctx, group)
		return err
	})
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return wrap("subscription", name, err)
	}
	return b.ledger.note(ctx, group, nil)
}

// whenCoordinated tries again while a cluster makes its coordinators: the first
// use of groups creates a topic.
func (b *Bus) whenCoordinated(ctx context.Context, do func() error) error {
	return again(ctx, do, kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator)
}

// whenEmpty waits a while for a group to have no receivers.
func (b *Bus) whenEmpty(ctx context.Context, do func() error) error {
	err := again(ctx, func() error { return b.whenCoordinated(ctx, do) }, emptying...)
	if slices.ContainsFunc(emptying, func(busy error) bool { return errors.Is(err, busy) }) {
		return fmt.Errorf("other receivers are at work; stop them first: %w", err)
	}
	return err
}

// emptying is what a group answers that still has receivers.
var emptying = []error{kerr.NonEmptyGroup, kerr.UnknownMemberID, kerr.RebalanceInProgress}

// again does something until it ends otherwise than in one of these errors, for
// callTimeout.
func again(ctx context.Context, do func() error, passing ...error) error {
	for deadline := time.Now().Add(callTimeout); ; {
		err := do()
		if !slices.ContainsFunc(passing, func(p error) bool { return errors.Is(err, p) }) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// List implements bus.Admin.
func (b *Bus) List(ctx context.Context) (bus.Inventory, error) {
	var inv bus.Inventory
	entries, err := b.ledger.read(ctx)
	if err != nil {
		return inv, err
	}
	topics, err := b.admin.ListTopics(ctx)
	if err != nil {
		return inv, fmt.Errorf("kafka: %w", err)
	}
	for key, e := range entries {
		topic, name, isSubscription := strings.Cut(key, "/")
		if t := topics[topic]; !topics.Has(topic) || t.ID.String() != e.TopicID {
			continue // it is gone, or another one by now
		}
		if isSubscription {
			inv.Subscriptions = append(inv.Subscriptions, bus.SubscriptionName{Topic: topic, Name: name})
		} else {
			inv.Topics = append(inv.Topics, topic)
		}
	}
	inv.Sort()
	return inv, nil
}
