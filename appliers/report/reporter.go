package report

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-dev/sluice/engine/status"
)

// Recorder writes a Kubernetes Event; it must not block.
type Recorder interface {
	Record(e status.Event)
}

// Config is what a Reporter is made of.
type Config struct {
	// Client writes the ConfigMap. Required.
	Client kubernetes.Interface
	// Recorder gets every event. Optional.
	Recorder Recorder
	// Sink gets every event. Optional.
	Sink *Sink
	// Every is the shortest time between two writes of the ConfigMap. Default 200 ms.
	Every time.Duration
	// Log gets what could not be delivered. Default: discarded.
	Log *slog.Logger
}

// Reporter takes reports from the loop and delivers them in the background.
type Reporter struct {
	cfg    Config
	events chan status.Event
	dirty  chan struct{}

	newestLock sync.Mutex
	newest     status.Report
}

// queue is how many events may wait for a slow sink.
const queue = 4096

// New makes a reporter; Run delivers.
func New(cfg Config) (*Reporter, error) {
	if cfg.Client == nil {
		return nil, errors.New("report: Config.Client is required")
	}
	if cfg.Every <= 0 {
		cfg.Every = 200 * time.Millisecond
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Reporter{cfg: cfg, events: make(chan status.Event, queue), dirty: make(chan struct{}, 1)}, nil
}

// Report takes a report. It never blocks.
func (r *Reporter) Report(prev, next status.Report) {
	r.newestLock.Lock()
	r.newest = next
	r.newestLock.Unlock()
	select {
	case r.dirty <- struct{}{}:
	default:
	}
	for _, e := range status.Between(prev, next) {
		r.log(e)
		if r.cfg.Recorder != nil {
			r.cfg.Recorder.Record(e)
		}
		if r.cfg.Sink == nil {
			continue
		}
		select {
		case r.events <- e:
		default:
			r.cfg.Log.Error("event lost: the sink is too slow", "type", string(e.Type), "message", e.Message)
		}
	}
}

func (r *Reporter) log(e status.Event) {
	level := slog.LevelInfo
	if e.Type.Warning() {
		level = slog.LevelWarn
	}
	args := []any{"event", e.Type.Reason(), "commit", e.Commit}
	if !e.Subject.IsZero() {
		args = append(args, "spec", e.Subject.String())
	}
	r.cfg.Log.Log(context.Background(), level, e.Message, args...)
}

// Run delivers until ctx ends.
func (r *Reporter) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.store(ctx) })
	g.Go(func() error { return r.send(ctx) })
	return g.Wait()
}

// store writes the newest report, at most once every Every, until it is written.
func (r *Reporter) store(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.dirty:
		}
		r.newestLock.Lock()
		newest := r.newest
		r.newestLock.Unlock()
		wait := r.cfg.Every
		if err := Write(ctx, r.cfg.Client, newest); err != nil && ctx.Err() == nil {
			r.cfg.Log.Warn("status cannot be written", "error", err)
			wait = 5 * r.cfg.Every
			select {
			case r.dirty <- struct{}{}:
			default:
			}
		}
		if !sleep(ctx, wait) {
			return nil
		}
	}
}

// send delivers events one by one, in order.
func (r *Reporter) send(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-r.events:
			if err := r.cfg.Sink.Send(ctx, e); err != nil && ctx.Err() == nil {
				r.cfg.Log.Error("event lost", "type", string(e.Type), "error", err)
			}
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
