package channel

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/schema/contract"
)

// subscription makes a subscription's place and starts its worker.
func (l *line) subscription(ctx, life context.Context, spec contract.Subscription) error {
	l.mu.Lock()
	old := l.workers[spec.Ref]
	l.mu.Unlock()
	_, isLeft := l.left.subscriptions[spec.Ref]
	if old != nil && old.err == nil && !old.stale.Load() && old.left == isLeft && reflect.DeepEqual(old.spec, spec) {
		return nil
	}
	w := newWorker(l, spec, old)
	w.left = isLeft
	if w.err == nil && !isLeft {
		w.err = l.ensure(ctx, spec)
	}
	if w.err != nil {
		w.err = fmt.Errorf("subscription %s: %w", spec.Ref, w.err)
	}
	if old != nil {
		old.stop()
	}
	w.start(life)
	l.mu.Lock()
	l.workers[spec.Ref] = w
	l.mu.Unlock()
	return w.err
}

func (l *line) ensure(ctx context.Context, spec contract.Subscription) error {
	start, err := startOf(spec.From)
	if err != nil {
		return err
	}
	return l.driver.EnsureSubscription(ctx, bus.SubscriptionSpec{
		Topic: topicName(spec.Channel), Name: subscriptionName(spec.Ref),
		Start: start, Ordered: spec.Order != "", Args: spec.Arguments,
	})
}

// startOf is where a new subscription begins.
func startOf(from string) (bus.Point, error) {
	if from == "" {
		return bus.Latest(), nil
	}
	p, err := bus.ParsePoint(from, time.Now())
	if err != nil {
		return p, fmt.Errorf("from: %w", err)
	}
	return p, nil
}
