package pubsub

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sluice-dev/sluice/runtime/bus"
)

const (
	browseWindow = 100
	// forgotten is when Pub/Sub removes the subscription of a browser that died:
	// the least it takes.
	forgotten = 24 * time.Hour
)

// Browse implements bus.Browser: from now on alone, by a subscription of its own.
func (b *Bus) Browse(ctx context.Context, topic string, from bus.Point, follow bool, yield func(*bus.Message) bool) error {
	if !from.IsLatest() || !follow {
		return fmt.Errorf("topic %q: %w: Pub/Sub keeps no events for reading back; follow from latest, or use jetstream or kafka", topic, bus.ErrUnsupported)
	}
	path := b.parent() + "/subscriptions/" + browserPrefix + rand.Text()
	_, err := b.subscriptions.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: path, Topic: b.topicPath(topic), Labels: owned, AckDeadlineSeconds: ackDeadline,
		ExpirationPolicy:         &pubsubpb.ExpirationPolicy{Ttl: durationpb.New(forgotten)},
		MessageRetentionDuration: durationpb.New(forgotten),
	})
	if err != nil {
		return wrap("topic", topic, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
		defer cancel()
		if err := b.subscriptions.DeleteSubscription(ctx, &pubsubpb.DeleteSubscriptionRequest{Subscription: path}); gone(err) != nil {
			b.log.Debug("browser not removed, expires", "subscription", path, "error", err)
		}
	}()
	s, err := b.stream(path, browseWindow)
	if err != nil {
		return wrap("topic", topic, err)
	}
	defer s.Close()
	for {
		batch, err := s.Next(ctx, browseWindow)
		if err != nil {
			return wrap("topic", topic, err)
		}
		for _, m := range batch {
			if !yield(m) {
				return nil
			}
			if err := s.Settle(ctx, m, true); err != nil {
				return wrap("topic", topic, err)
			}
		}
	}
}
