package channel

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/schema/contract"
)

// sweeper knows since when what is on the bus is not asked for.
type sweeper struct {
	due  bool // something may have gone
	gone map[bus.SubscriptionName]time.Time
	// A topic is a SubscriptionName without a name.
}

func newSweeper() sweeper { return sweeper{gone: map[bus.SubscriptionName]time.Time{}} }

// wait is how long until the first grace is over; negative: nothing is gone.
func (s *sweeper) wait(now time.Time, grace time.Duration) time.Duration {
	wait := time.Duration(-1)
	for _, since := range s.gone {
		left := max(0, since.Add(grace).Sub(now))
		if wait < 0 || left < wait {
			wait = left
		}
	}
	return wait
}

// sweep removes what is on the bus and has not been asked for during the grace.
// The driver lists what was made by us alone.
func (l *line) sweep(ctx context.Context, channels map[contract.Ref]contract.Channel, subscriptions map[contract.Ref]contract.Subscription) error {
	if !l.d.synced.Load() || !l.sweeper.due && len(l.sweeper.gone) == 0 {
		return nil
	}
	inv, err := l.driver.List(ctx)
	if err != nil {
		return fmt.Errorf("bus %s: %w", l.ref, err)
	}
	l.sweeper.due = false
	unwanted := unwanted(inv, channels, subscriptions)
	maps.DeleteFunc(l.sweeper.gone, func(name bus.SubscriptionName, _ time.Time) bool { return !unwanted[name] })
	now := time.Now()
	var errs []error
	for name := range unwanted {
		since, known := l.sweeper.gone[name]
		switch {
		case !known:
			l.sweeper.gone[name] = now
		case now.Sub(since) >= l.d.cfg.Grace:
			if err := l.remove(ctx, name); err != nil {
				errs = append(errs, err)
				continue
			}
			delete(l.sweeper.gone, name)
		}
	}
	return errors.Join(errs...)
}

// unwanted is what is there and not asked for. Our own topics are left alone: a
// dead event is somebody's to look at.
func unwanted(inv bus.Inventory, channels map[contract.Ref]contract.Channel, subscriptions map[contract.Ref]contract.Subscription) map[bus.SubscriptionName]bool {
	topics := map[string]bool{}
	for ref := range channels {
		topics[topicName(ref)] = true
	}
	subs := map[bus.SubscriptionName]bool{}
	for ref, s := range subscriptions {
		topics[topicName(s.Channel)] = true // also of one that moved and left something
		subs[bus.SubscriptionName{Topic: topicName(s.Channel), Name: subscriptionName(ref)}] = true
	}
	out := map[bus.SubscriptionName]bool{}
	for _, topic := range inv.Topics {
		if !topics[topic] && !ownTopic(topic) {
			out[bus.SubscriptionName{Topic: topic}] = true
		}
	}
	for _, sub := range inv.Subscriptions {
		if topics[sub.Topic] && !subs[sub] {
			out[sub] = true
		}
	}
	return out
}

// remove removes a subscription, or a topic with all that is on it.
func (l *line) remove(ctx context.Context, name bus.SubscriptionName) error {
	err := error(nil)
	if name.Name != "" {
		err = l.driver.RemoveSubscription(ctx, name.Topic, name.Name)
	} else {
		err = l.driver.RemoveTopic(ctx, name.Topic)
	}
	if errors.Is(err, bus.ErrForeign) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("bus %s: %s %s is not removed: %w", l.ref, name.Topic, name.Name, err)
	}
	l.log.Info("removed from the bus: not asked for any more", "topic", name.Topic, "subscription", name.Name, "grace", l.d.cfg.Grace)
	return nil
}
