package source

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/runtime/channel/post"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

const (
	retryFirst     = 200 * time.Millisecond // after the first failure; doubled each time
	retryLast      = 30 * time.Second
	attemptTimeout = time.Minute
	// retryAfterMax caps what a sink asks for by Retry-After.
	retryAfterMax = 5 * time.Minute
)

// ErrRefused is an event that the sink will not take, however often it is sent.
var ErrRefused = errors.New("the sink refuses the event")

// SinkConfig says where events go.
type SinkConfig struct {
	// URL takes the events; CACerts is PEM that it may be signed by.
	URL, CACerts string
	// Gateway takes requests for names that only the cluster resolves; "" is
	// DNS.
	Gateway string
	// Extensions are set on every event.
	Extensions map[string]string
	// Log hears of a sink that does not answer, once until it does.
	Log *slog.Logger
}

// Sink sends events to one place.
type Sink struct {
	client *post.Client
	target *post.Target
	extra  map[string]string
	log    *slog.Logger

	sent, refused, retries atomic.Int64
	silent                 atomic.Bool // the last attempt failed
}

// NewSink checks an address.
func NewSink(cfg SinkConfig) (*Sink, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.URL == "" {
		return nil, fmt.Errorf("no sink: set %s to the URL that takes the events", contract.EnvSink)
	}
	client := post.New(post.Config{Dial: post.Via(cfg.Gateway)})
	target, err := client.Target(contract.Destination{URL: cfg.URL, CACerts: cfg.CACerts})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", contract.EnvSink, err)
	}
	probe := cloudevents.Event{}
	for _, name := range slices.Sorted(maps.Keys(cfg.Extensions)) {
		if err := probe.Set(name, cfg.Extensions[name]); err != nil {
			return nil, fmt.Errorf("%s: extension %s: %w", contract.EnvOverrides, name, err)
		}
	}
	return &Sink{client: client, target: target, extra: cfg.Extensions, log: cfg.Log}, nil
}

// Close ends idle connections.
func (s *Sink) Close() { s.client.Close() }

// Counts are events that were acknowledged and refused, and attempts that
// failed.
func (s *Sink) Counts() map[string]int64 {
	return map[string]int64{"sent": s.sent.Load(), "refused": s.refused.Load(), "failed": s.retries.Load()}
}

// Send returns nil when the sink has acknowledged the event, ErrRefused when it
// never will, and ctx's error when that ends first.
func (s *Sink) Send(ctx context.Context, e *cloudevents.Event) error {
	for name, value := range s.extra {
		if err := e.Set(name, value); err != nil {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	wait := retryFirst
	for {
		after, err := s.try(ctx, e)
		if err == nil {
			s.sent.Add(1)
			if s.silent.Swap(false) {
				s.log.Info("the sink takes events again", "sink", s.target.URL())
			}
			return nil
		}
		if errors.Is(err, ErrRefused) {
			s.refused.Add(1)
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.retries.Add(1)
		if !s.silent.Swap(true) {
			s.log.Warn("the sink does not take an event, it is sent until it does", "sink", s.target.URL(), "id", e.ID, "error", err)
		}
		select {
		case <-time.After(max(wait-rand.N(wait/2), min(after, retryAfterMax))):
		case <-ctx.Done():
			return ctx.Err()
		}
		wait = min(2*wait, retryLast)
	}
}

// try sends once; after is what the sink asks for.
func (s *Sink) try(ctx context.Context, e *cloudevents.Event) (after time.Duration, err error) {
	answer, err := s.target.Post(ctx, e, contract.FormatBinary, attemptTimeout)
	if errors.Is(err, post.ErrAnswerTooLarge) {
		err = nil // it was taken; what it says is not asked for
	}
	if err != nil {
		return 0, err
	}
	switch {
	case answer.Status/100 == 2:
		return 0, nil
	case answer.Status >= 500, answer.Status == http.StatusNotFound, answer.Status == http.StatusRequestTimeout,
		answer.Status == http.StatusConflict, answer.Status == http.StatusTooManyRequests:
		return retryAfter(answer.Header), fmt.Errorf("%d %s", answer.Status, firstLine(answer.Body))
	}
	return 0, fmt.Errorf("%w: %d %s", ErrRefused, answer.Status, firstLine(answer.Body))
}

func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if n, err := strconv.Atoi(v); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return time.Until(t)
	}
	return 0
}

func firstLine(body []byte) string {
	line, _, _ := strings.Cut(string(body[:min(len(body), 200)]), "\n")
	return line
}
