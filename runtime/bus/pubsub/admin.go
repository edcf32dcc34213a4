package pubsub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sluice-dev/sluice/runtime/bus"
)

const (
	// keep is how long Pub/Sub keeps what is not settled: its longest without a
	// topic's own retention.
	keep = 7 * 24 * time.Hour
	// ackDeadline, in seconds, is the lease before a stream asks for its own.
	ackDeadline = 10
)

// EnsureTopic implements bus.Admin.
func (b *Bus) EnsureTopic(ctx context.Context, spec bus.TopicSpec) error {
	path := b.topicPath(spec.Name)
	if err := fits(path); err != nil {
		return fmt.Errorf("topic %q: %w", spec.Name, err)
	}
	_, err := b.topics.CreateTopic(ctx, &pubsubpb.Topic{Name: path, Labels: owned})
	if status.Code(err) == codes.AlreadyExists {
		return nil
	}
	return wrap("topic", spec.Name, err)
}

// EnsureSubscription implements bus.Admin.
func (b *Bus) EnsureSubscription(ctx context.Context, spec bus.SubscriptionSpec) error {
	path := b.subscriptionPath(spec.Topic, spec.Name)
	if err := fits(path); err != nil {
		return fmt.Errorf("subscription %q: %w", spec.Name, err)
	}
	_, err := b.subscriptions.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: path, Topic: b.topicPath(spec.Topic), Labels: owned, AckDeadlineSeconds: ackDeadline,
		EnableMessageOrdering: spec.Ordered, MessageRetentionDuration: durationpb.New(keep),
		ExpirationPolicy: &pubsubpb.ExpirationPolicy{}, // never, however long no one receives
	})
	if status.Code(err) != codes.AlreadyExists {
		return wrap("subscription", spec.Name, err)
	}
	have, err := b.subscriptions.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: path})
	switch {
	case err != nil:
		return wrap("subscription", spec.Name, err)
	case have.Topic != b.topicPath(spec.Topic):
		return fmt.Errorf("subscription %q: it is of topic %s: its own was removed; remove it too", spec.Name, have.Topic)
	case have.EnableMessageOrdering != spec.Ordered:
		return fmt.Errorf("subscription %q: it is there, ordered: %t; Pub/Sub cannot change that: give it another name", spec.Name, have.EnableMessageOrdering)
	}
	return nil
}

// RemoveTopic implements bus.Admin. Subscriptions that others have to it stay,
// and get nothing more.
func (b *Bus) RemoveTopic(ctx context.Context, name string) error {
	path := b.topicPath(name)
	t, err := b.topics.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: path})
	if err != nil {
		return wrap("topic", name, gone(err))
	}
	if !isOurs(t.Labels) {
		return fmt.Errorf("topic %q: %w", name, bus.ErrForeign)
	}
	of := b.topics.ListTopicSubscriptions(ctx, &pubsubpb.ListTopicSubscriptionsRequest{Topic: path})
	for path, err := range of.All() {
		if err != nil {
			return wrap("topic", name, gone(err))
		}
		if _, sub, ok := subscriptionOf(path); ok {
			if err := b.RemoveSubscription(ctx, name, sub); err != nil && !errors.Is(err, bus.ErrForeign) {
				return err
			}
		}
	}
	return wrap("topic", name, gone(b.topics.DeleteTopic(ctx, &pubsubpb.DeleteTopicRequest{Topic: path})))
}

// RemoveSubscription implements bus.Admin.
func (b *Bus) RemoveSubscription(ctx context.Context, topic, name string) error {
	path := b.subscriptionPath(topic, name)
	s, err := b.subscriptions.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: path})
	if err != nil {
		return wrap("subscription", name, gone(err))
	}
	if !isOurs(s.Labels) {
		return fmt.Errorf("subscription %q: %w", name, bus.ErrForeign)
	}
	return wrap("subscription", name, gone(b.subscriptions.DeleteSubscription(ctx, &pubsubpb.DeleteSubscriptionRequest{Subscription: path})))
}

// List implements bus.Admin.
func (b *Bus) List(ctx context.Context) (bus.Inventory, error) {
	var inv bus.Inventory
	topics := b.topics.ListTopics(ctx, &pubsubpb.ListTopicsRequest{Project: b.parent()})
	for t, err := range topics.All() {
		if err != nil {
			return inv, fmt.Errorf("list topics: %w", err)
		}
		if name, ok := topicOf(t.Name); ok && isOurs(t.Labels) {
			inv.Topics = append(inv.Topics, name)
		}
	}
	subscriptions := b.subscriptions.ListSubscriptions(ctx, &pubsubpb.ListSubscriptionsRequest{Project: b.parent()})
	for s, err := range subscriptions.All() {
		if err != nil {
			return inv, fmt.Errorf("list subscriptions: %w", err)
		}
		if topic, name, ok := subscriptionOf(s.Name); ok && isOurs(s.Labels) {
			inv.Subscriptions = append(inv.Subscriptions, bus.SubscriptionName{Topic: topic, Name: name})
		}
	}
	inv.Sort()
	return inv, nil
}
