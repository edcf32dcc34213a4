package pubsub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	// keep is how long Pub/Sub keeps what is not acknowledged: its longest
	// without a topic's own retention.
	keep = 7 * 24 * time.Hour
	// deadline is Google's own default of an ack deadline.
	deadline = 10 * time.Second
	// refusedFirst and refusedLast bound the pause before a message that was
	// handed back comes again; they are Pub/Sub's own bounds.
	refusedFirst = 10 * time.Second
	refusedLast  = 10 * time.Minute
)

// owned marks what we made.
var owned = map[string]string{"managed-by": "sluice"}

func isOurs(labels map[string]string) bool { return labels["managed-by"] == owned["managed-by"] }

func (s *Source) topic() string {
	return "projects/" + s.client.Project() + "/topics/" + s.spec.Topic
}

// subscription is the user's own, or one that is named after the source: made
// anew, the source goes on where it was.
func (s *Source) subscription() string {
	ref := s.cfg.Source.Ref
	return "projects/" + s.client.Project() + "/subscriptions/" + cmp.Or(s.spec.Subscription, "sluice."+ref.Namespace+"."+ref.Name)
}

// ensure has the subscription there, and of the right topic.
func (s *Source) ensure(ctx context.Context) error {
	have, err := s.client.SubscriptionAdminClient.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: s.subscription()})
	switch {
	case err == nil && have.Topic == s.topic():
		return nil
	case err == nil && s.spec.Subscription == "" && isOurs(have.Labels):
		s.cfg.Log.Info("the source is of another topic now, its subscription is made anew", "before", have.Topic, "topic", s.topic())
		if err := s.remove(ctx); err != nil {
			return err
		}
	case err == nil:
		return fmt.Errorf("subscription %s is of topic %s: name another, or that topic", s.subscription(), have.Topic)
	case status.Code(err) != codes.NotFound:
		return fmt.Errorf("subscription %s: %w", s.subscription(), err)
	case s.spec.Subscription != "":
		return fmt.Errorf("there is no subscription %s: make it, or leave its name out to have one made", s.subscription())
	}
	return s.make(ctx)
}

func (s *Source) make(ctx context.Context) error {
	_, err := s.client.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: s.subscription(), Topic: s.topic(), Labels: owned, EnableMessageOrdering: true,
		AckDeadlineSeconds:       int32(cmp.Or(time.Duration(s.spec.AckDeadline), deadline) / time.Second),
		MessageRetentionDuration: durationpb.New(cmp.Or(time.Duration(s.spec.Retention), keep)),
		RetainAckedMessages:      s.spec.RetainAcked,
		RetryPolicy:              &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(refusedFirst), MaximumBackoff: durationpb.New(refusedLast)},
		ExpirationPolicy:         &pubsubpb.ExpirationPolicy{}, // never, however long no one receives
	})
	switch status.Code(err) {
	case codes.AlreadyExists:
		return nil
	case codes.NotFound:
		return fmt.Errorf("there is no topic %s yet: make it", s.topic())
	}
	if err != nil {
		return fmt.Errorf("subscription %s: %w", s.subscription(), err)
	}
	s.cfg.Log.Info("subscription made", "subscription", s.subscription(), "topic", s.topic())
	return nil
}

// Remove removes the subscription if the source made it; that there is none is
// fine.
func (s *Source) Remove(ctx context.Context) error {
	if s.spec.Subscription != "" {
		return nil
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	err := s.remove(ctx)
	return errors.Join(err, s.client.Close())
}

func (s *Source) remove(ctx context.Context) error {
	path := s.subscription()
	have, err := s.client.SubscriptionAdminClient.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: path})
	if err == nil && !isOurs(have.Labels) {
		return fmt.Errorf("subscription %s: it was not made by this platform and is left alone", path)
	}
	if err == nil {
		err = s.client.SubscriptionAdminClient.DeleteSubscription(ctx, &pubsubpb.DeleteSubscriptionRequest{Subscription: path})
	}
	if err != nil && status.Code(err) != codes.NotFound {
		return fmt.Errorf("subscription %s: %w", path, err)
	}
	return nil
}
