package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/time/rate"
)

const (
	reopenFirst = 50 * time.Millisecond // after a stream ended; doubled each time
	reopenLast  = 5 * time.Second
	// settleTimeout bounds what is told to the bus after everything has stopped.
	settleTimeout = 10 * time.Second
)

// SubscriptionConfig says what to deliver and how.
type SubscriptionConfig struct {
	Driver Driver
	// Topic and Name are of a subscription that is there
	// (Admin.EnsureSubscription).
	Topic, Name string
	Policy      Policy
	// Log is told what an operator has to act on. Default: slog.Default().
	Log *slog.Logger
}

// Subscription delivers the messages of one subscription to a Handler.
type Subscription struct {
	cfg     SubscriptionConfig
	policy  Policy
	log     *slog.Logger
	limit   *rate.Limiter // nil: none
	seen    *seen         // nil: no dedupe
	carried map[string]int
	stats   counters
}

// NewSubscription returns a Subscription that does nothing before Run.
func NewSubscription(cfg SubscriptionConfig) *Subscription {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	s := &Subscription{cfg: cfg, policy: cfg.Policy.withDefaults()}
	s.log = cfg.Log.With("topic", cfg.Topic, "subscription", cfg.Name)
	if r := cfg.Policy.Rate; r > 0 {
		s.limit = rate.NewLimiter(rate.Limit(r), max(1, int(r/10)))
	}
	if cfg.Policy.Dedupe > 0 {
		s.seen = newSeen(cfg.Policy.Dedupe)
	}
	return s
}

// Run delivers until ctx ends, then lets running handlers end and returns nil.
// Where the bus fails it tries again for as long as it takes. It is called once
// at a time.
func (s *Subscription) Run(ctx context.Context, h Handler) error {
	s.recall(ctx)
	wait := reopenFirst
	for {
		began := time.Now()
		err := s.session(ctx, h)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, ErrMoved) {
			s.log.Info("subscription goes on at another place")
			s.carried = nil
			continue
		}
		if time.Since(began) > reopenLast {
			wait = reopenFirst
		}
		s.stats.reopened.Add(1)
		s.log.Warn("subscription interrupted, is opened again", "error", err, "in", wait)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(jitter(wait)):
		}
		wait = min(2*wait, reopenLast)
	}
}

// session delivers from one stream until it or ctx ends.
func (s *Subscription) session(ctx context.Context, h Handler) error {
	stream, err := s.cfg.Driver.Receive(ctx, Receive{
		Topic: s.cfg.Topic, Subscription: s.cfg.Name, Ordered: s.policy.Ordered,
		Sequence: s.policy.Concurrency == 1 && !s.policy.Ordered, Window: s.policy.Window,
	})
	if err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	d := newDispatch(s, stream, h, s.carried)
	err = d.pump(ctx)
	s.carried = d.drain()
	_ = stream.Close() // why it ended is told already
	return err
}

// recall reads back what was settled within the dedupe window, so that a restart
// does not forget it.
func (s *Subscription) recall(ctx context.Context) {
	b, ok := s.cfg.Driver.(Browser)
	if s.seen == nil || !ok {
		return
	}
	from := time.Now().Add(-s.policy.Dedupe)
	err := b.Browse(ctx, s.cfg.Topic, Since(from), false, func(m *Message) bool {
		s.seen.remember(m, time.Now())
		return true
	})
	if err != nil && ctx.Err() == nil {
		s.log.Info("dedupe window begins empty", "error", err)
	}
}
