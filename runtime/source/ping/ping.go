package ping

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Type is the type of every event.
const Type = "dev.knative.sources.ping"

// Sender takes events; see source.Sink.
type Sender interface {
	Send(ctx context.Context, e *cloudevents.Event) error
}

// Config is how to run.
type Config struct {
	Source contract.Source
	Sink   Sender
	// State is a file that remembers the last tick. "": what passed while the
	// source did not run is not known.
	State string
	Log   *slog.Logger
}

// Source sends ticks.
type Source struct {
	cfg      Config
	schedule schedule
}

// New checks the schedule.
func New(cfg Config) (*Source, error) {
	if cfg.Source.Ping == nil {
		return nil, errors.New("ping: the source says nothing of a schedule")
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	s, err := parse(*cfg.Source.Ping)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.Source.Ref, err)
	}
	return &Source{cfg: cfg, schedule: s}, nil
}

// Run sends until ctx ends.
func (s *Source) Run(ctx context.Context) error {
	last, err := s.recall()
	if err != nil {
		return err
	}
	for {
		now := time.Now()
		ticks := s.schedule.due(last, now, s.cfg.Source.Ping.Missed)
		last = now
		for _, tick := range ticks {
			if err := s.send(ctx, tick); err != nil {
				return ended(ctx, err)
			}
			if err := s.remember(tick); err != nil {
				return err
			}
		}
		if len(ticks) > 0 {
			continue // the sending took its time
		}
		if !s.wait(ctx, now) {
			return nil
		}
	}
}

// wait returns at the next tick after now; false is the end.
func (s *Source) wait(ctx context.Context, now time.Time) bool {
	next := s.schedule.next(now)
	if next.IsZero() {
		s.cfg.Log.Warn("the schedule has no further tick", "schedule", s.cfg.Source.Ping.Schedule)
		<-ctx.Done()
		return false
	}
	select {
	case <-time.After(time.Until(next)):
		return true
	case <-ctx.Done():
		return false
	}
}

// send sends one tick; what the sink refuses is logged and over.
func (s *Source) send(ctx context.Context, tick time.Time) error {
	e := s.event(tick)
	err := s.cfg.Sink.Send(ctx, &e)
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.Error("tick refused", "id", e.ID, "error", err)
		return nil
	}
	return err
}

func (s *Source) event(tick time.Time) cloudevents.Event {
	ref, p := s.cfg.Source.Ref, s.cfg.Source.Ping
	e := cloudevents.Event{
		ID:     fmt.Sprintf("%s-%s-%d", ref.Namespace, ref.Name, tick.Unix()),
		Source: fmt.Sprintf("/apis/v1/namespaces/%s/pingsources/%s", ref.Namespace, ref.Name),
		Type:   Type,
		Time:   tick.UTC().Format(time.RFC3339),
	}
	if p.Data != nil {
		e.SetData(p.ContentType, p.Data)
	}
	return e
}

// recall reads the last tick, or gives now.
func (s *Source) recall() (time.Time, error) {
	if s.cfg.State == "" {
		return time.Now(), nil
	}
	b, err := os.ReadFile(s.cfg.State)
	if errors.Is(err, os.ErrNotExist) {
		return time.Now(), nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("last tick: %w", err)
	}
	t, err := time.Parse(time.RFC3339, strings.TrimSpace(string(b)))
	if err != nil {
		return time.Time{}, fmt.Errorf("last tick: %s: %w", s.cfg.State, err)
	}
	return t, nil
}

// remember writes beside and renames, so that a half-written file is never read.
func (s *Source) remember(tick time.Time) error {
	if s.cfg.State == "" {
		return nil
	}
	beside := s.cfg.State + ".new"
	if err := os.WriteFile(beside, []byte(tick.UTC().Format(time.RFC3339)+"\n"), 0o600); err != nil {
		return fmt.Errorf("last tick: %w", err)
	}
	if err := os.Rename(beside, s.cfg.State); err != nil {
		return fmt.Errorf("last tick: %w", err)
	}
	return nil
}

func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
