package channel

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/schema/contract"
)

// leftEvery is how often a bus is asked whether what channels left on it is
// delivered.
const leftEvery = 10 * time.Second

// left is what channels that moved to another bus have left on this one: the
// subscriptions that have yet to be done with it, and since when. It is delivered
// from here; what comes in goes to the other bus.
type left struct {
	subscriptions map[contract.Ref]contract.Subscription
	since         map[contract.Ref]time.Time
	// moved says that places of such channels are still here: a sender that was
	// under way may leave something yet.
	moved bool
}

// moved are the subscriptions of channels that are on another bus than this.
func (s *specs) moved(from contract.Ref) []contract.Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	away := map[contract.Ref]bool{}
	for _, c := range s.channels {
		if busOf(c) != from {
			away[c.Ref] = true
		}
	}
	var out []contract.Subscription
	for _, sub := range s.subscriptions {
		if away[sub.Channel] {
			out = append(out, sub)
		}
	}
	return out
}

// findLeft looks for what is left, where something may have gone.
func (l *line) findLeft(ctx context.Context) error {
	moved := l.d.specs.moved(l.ref)
	if len(moved) == 0 || !l.sweeper.due && len(l.sweeper.gone) == 0 && !l.left.moved {
		l.left = left{}
		return nil
	}
	inv, err := l.driver.List(ctx)
	if err != nil {
		return fmt.Errorf("bus %s: %w", l.ref, err)
	}
	found := left{subscriptions: map[contract.Ref]contract.Subscription{}, since: map[contract.Ref]time.Time{}}
	for _, sub := range moved {
		name := bus.SubscriptionName{Topic: topicName(sub.Channel), Name: subscriptionName(sub.Ref)}
		since, known := l.left.since[sub.Ref]
		if !known {
			since = time.Now()
		}
		if !slices.Contains(inv.Subscriptions, name) {
			continue
		}
		found.moved = true
		if l.waits(ctx, name, since) {
			sub.Replay = nil // that is of the other bus
			found.subscriptions[sub.Ref], found.since[sub.Ref] = sub, since
		}
	}
	l.left = found
	return nil
}

// waits tells whether a subscription has yet to be done with events. A bus that
// does not count them is given the grace.
func (l *line) waits(ctx context.Context, name bus.SubscriptionName, since time.Time) bool {
	if gauge, ok := l.driver.(bus.Gauge); ok && l.promises.Lag {
		lag, err := gauge.Lag(ctx, name.Topic, name.Name)
		return err != nil || lag.Messages != 0
	}
	return time.Since(since) < l.d.cfg.Grace
}

// with are the subscriptions given, and those that are left.
func (f left) with(subscriptions map[contract.Ref]contract.Subscription) map[contract.Ref]contract.Subscription {
	all := maps.Clone(subscriptions)
	maps.Copy(all, f.subscriptions)
	return all
}

// wait is how long until it is to be looked again; negative: nothing comes.
func (f left) wait() time.Duration {
	if !f.moved {
		return -1
	}
	return leftEvery
}

// sooner is the shorter of two waits; negative is none.
func sooner(a, b time.Duration) time.Duration {
	if a < 0 || b >= 0 && b < a {
		return b
	}
	return a
}

// leftWorkers deliver what moved channels left behind.
func (d *Dispatcher) leftWorkers(namespace string) []*worker {
	return d.workersThat(func(w *worker) bool { return w.left && (namespace == "" || w.spec.Namespace == namespace) })
}

// graves is the line that keeps the worker's dead events: where `sluice events
// dead` looks for them.
func (w *worker) graves() *line {
	if !w.left {
		return w.line
	}
	w.line.d.mu.Lock()
	defer w.line.d.mu.Unlock()
	for _, l := range w.line.d.lines {
		if c := l.live(w.spec.Channel); c != nil && c.topic != nil {
			return l
		}
	}
	return w.line
}
