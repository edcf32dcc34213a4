package ping

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/runtime/source/memory"
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
	// Memory has the last tick. Nil: what passed while the source did not run is
	// not known.
	Memory memory.Memory
	Log    *slog.Logger
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
	notes, err := memory.Open(ctx, s.cfg.Memory, s.cfg.Log)
	if err != nil {
		return ended(ctx, err)
	}
	last, err := recall(notes)
	if err != nil {
		return fmt.Errorf("%s: %w", s.cfg.Source.Ref, err)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return notes.Run(ctx) })
	g.Go(func() error { return ended(ctx, s.tick(ctx, last, notes)) })
	return g.Wait()
}

// tick sends what is due since the last tick, then as it comes.
func (s *Source) tick(ctx context.Context, last time.Time, notes *memory.Notes) error {
	for {
		now := time.Now()
		ticks := s.schedule.due(last, now, s.cfg.Source.Ping.Missed)
		last = now
		for _, tick := range ticks {
			if err := s.send(ctx, tick); err != nil {
				return err
			}
			notes.Take(lastTick, tick.UTC().Format(time.RFC3339))
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

// lastTick is the name of what is remembered.
const lastTick = "tick"

// recall is the last tick, or now.
func recall(notes *memory.Notes) (time.Time, error) {
	text := notes.Last(lastTick)
	if text == "" { // it begins now, however often it is started before its first tick
		now := time.Now()
		notes.Take(lastTick, now.UTC().Format(time.RFC3339))
		return now, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("the last tick is remembered as %q, which is no time: remove it to begin anew", text)
	}
	return t, nil
}

func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
