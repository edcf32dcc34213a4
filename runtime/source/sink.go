package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/channel/attempt"
	"github.com/sluice-dev/sluice/runtime/channel/post"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// steadfast is how events are sent where a source's spec says nothing: without
// end, and never more than half a minute apart.
var steadfast = contract.Delivery{
	Retry: contract.RetryForever, BackoffDelay: contract.DefaultBackoffDelay, BackoffMax: contract.Duration(30 * time.Second),
	Timeout: contract.Duration(time.Minute),
}

// ErrRefused is an event that the sink has not taken and that is not sent again:
// it never will, or was tried as often as the delivery says.
var ErrRefused = errors.New("the sink does not take the event")

// SinkConfig says where events go.
type SinkConfig struct {
	// URL takes the events; CACerts is PEM that it may be signed by.
	URL, CACerts string
	// Gateway takes requests for names that only the cluster resolves; "" is
	// DNS.
	Gateway string
	// Extensions are set on every event.
	Extensions map[string]string
	// Delivery says how hard to try. Nil: without end.
	Delivery *contract.Delivery
	// DeadLetter gets what the sink does not take. Nil: Send says ErrRefused.
	DeadLetter *contract.Destination
	// Log hears of a sink that does not answer, once until it does.
	Log *slog.Logger
}

// Sink sends events to one place.
type Sink struct {
	client *post.Client
	// target takes events, and dead those that it does not; nil is nothing.
	target, dead *post.Target
	how          contract.Delivery
	policy       bus.RetryPolicy
	extra        map[string]string
	log          *slog.Logger

	sent, buried, refused, retries atomic.Int64
	silent                         atomic.Bool // the last attempt failed
}

// NewSink checks addresses.
func NewSink(cfg SinkConfig) (*Sink, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.URL == "" {
		return nil, fmt.Errorf("no sink: set %s to the URL that takes the events", contract.EnvSink)
	}
	s := &Sink{client: post.New(post.Config{Dial: post.Via(cfg.Gateway)}), how: steadfast, extra: cfg.Extensions, log: cfg.Log}
	if cfg.Delivery != nil {
		s.how = *cfg.Delivery
	}
	s.policy = attempt.Policy(s.how)
	var err error
	if s.target, err = s.client.Target(contract.Destination{URL: cfg.URL, CACerts: cfg.CACerts}); err != nil {
		return nil, fmt.Errorf("%s: %w", contract.EnvSink, err)
	}
	if cfg.DeadLetter != nil {
		if s.dead, err = s.client.Target(*cfg.DeadLetter); err != nil {
			return nil, fmt.Errorf("%s: deadLetter: %w", contract.EnvSource, err)
		}
	}
	probe := cloudevents.Event{}
	for _, name := range slices.Sorted(maps.Keys(cfg.Extensions)) {
		if err := probe.Set(name, cfg.Extensions[name]); err != nil {
			return nil, fmt.Errorf("%s: extension %s: %w", contract.EnvOverrides, name, err)
		}
	}
	return s, nil
}

// Close ends idle connections.
func (s *Sink) Close() { s.client.Close() }

// Counts are events that were acknowledged, that went to the dead letter sink,
// and that were refused; and attempts that failed.
func (s *Sink) Counts() map[string]int64 {
	return map[string]int64{"sent": s.sent.Load(), "dead": s.buried.Load(), "refused": s.refused.Load(), "failed": s.retries.Load()}
}

// Send returns nil when the sink has acknowledged the event, or the dead letter
// sink has it; ErrRefused when there is none and the sink does not take it; and
// ctx's error when that ends first.
func (s *Sink) Send(ctx context.Context, e *cloudevents.Event) error {
	for name, value := range s.extra {
		if err := e.Set(name, value); err != nil {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	tries, f := s.deliver(ctx, s.target, e, s.givesUp)
	switch {
	case ctx.Err() != nil && f != nil:
		return ctx.Err()
	case f == nil:
		s.sent.Add(1)
		return nil
	case s.dead == nil:
		s.refused.Add(1)
		return fmt.Errorf("%w (attempts: %d): %w", ErrRefused, tries, f)
	}
	dead := attempt.Dead(*e, f, f.Text)
	if _, again := s.deliver(ctx, s.dead, &dead, never); again != nil {
		return ctx.Err()
	}
	s.buried.Add(1)
	s.log.Warn("event sent to the dead letter sink", "sink", s.target.URL(), "dead_letter", s.dead.URL(), "id", e.ID, "attempts", tries, "error", f)
	return nil
}

// givesUp says whether a failed attempt was the last.
func (s *Sink) givesUp(tries int, f *attempt.Failure) bool {
	return f.Fate != attempt.Again || s.policy.Attempts > 0 && tries >= s.policy.Attempts
}

// never gives up: a dead letter has nowhere else to go.
func never(int, *attempt.Failure) bool { return false }

// deliver sends until it is acknowledged, given up, or ctx ends; the failure is
// the last attempt's.
func (s *Sink) deliver(ctx context.Context, to *post.Target, e *cloudevents.Event, last func(int, *attempt.Failure) bool) (tries int, f *attempt.Failure) {
	for tries = 1; ; tries++ {
		if f = s.try(ctx, to, e); f == nil {
			if s.silent.Swap(false) {
				s.log.Info("events are taken again", "sink", to.URL())
			}
			return tries, nil
		}
		if ctx.Err() != nil || last(tries, f) {
			return tries, f
		}
		s.retries.Add(1)
		if !s.silent.Swap(true) {
			s.log.Warn("an event is not taken, and is sent again", "sink", to.URL(), "id", e.ID, "error", f)
		}
		select {
		case <-time.After(s.policy.Wait(tries, f.After)):
		case <-ctx.Done():
			return tries, f
		}
	}
}

// try sends once.
func (s *Sink) try(ctx context.Context, to *post.Target, e *cloudevents.Event) *attempt.Failure {
	answer, err := to.Post(ctx, e, s.how.Format, time.Duration(cmp.Or(s.how.Timeout, contract.DefaultTimeout)))
	if errors.Is(err, post.ErrAnswerTooLarge) {
		err = nil // what it says is not asked for
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("it took too long")
	}
	return attempt.Judge(to.URL(), answer, err, time.Now())
}
