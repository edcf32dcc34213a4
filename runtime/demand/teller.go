package demand

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-dev/sluice/runtime/activator"
	"github.com/sluice-dev/sluice/runtime/stat"
)

// Source is the activator.
type Source interface {
	// Hints gets a value when a revision wakes or begins to queue.
	Hints() <-chan struct{}
	// Active visits the active revisions; one of which f says false is
	// forgotten until its next request.
	Active(f func(activator.Load) (keep bool))
	// Pods are some of a revision's that take requests, as stat.Frame has them.
	Pods(revision activator.Key, most int) []stat.Pod
	// Durations counts how long a revision's requests have taken so far.
	Durations(revision activator.Key) stat.Counts
	// Errors counts those that failed.
	Errors(revision activator.Key) uint64
	// Trouble is told why a revision's pods do not become ready.
	Trouble(revision activator.Key, why string)
}

// Leader knows where the autoscaler that leads is.
type Leader interface {
	// Address is host:port, empty while nobody leads.
	Address() string
	// Moved gets a value, at most one waiting, when it may have changed.
	Moved() <-chan struct{}
}

// Starter asks for a pod without an autoscaler.
type Starter interface {
	Start(ctx context.Context, namespace, revision string) error
}

// Config of a Teller. ID, Leader and Starter are required.
type Config struct {
	// ID is this activator's name.
	ID      string
	Leader  Leader
	Starter Starter
	// Period is how often an active revision is told of. Default 1 s.
	Period time.Duration
	// Rush is how often a revision is told of while requests wait, so that more
	// pods are decided on within a moment. Default 50 ms.
	Rush time.Duration
	// Sample is how often its load is looked at in between. Default 20 ms.
	Sample time.Duration
	// Patience is how long the autoscaler may take to answer a wake before the
	// pod is asked for directly. Default 50 ms.
	Patience time.Duration
	// Idle is how long a revision without requests is still told of, so that the
	// autoscaler sees it fall silent. Default 2 s.
	Idle time.Duration
	// Token is shown to the autoscaler when a stream begins. Default nil: none is.
	Token func(context.Context) (string, error)
	// Log gets what an operator acts on. Default: nothing is logged.
	Log *slog.Logger
}

// Teller is the activator's half of the stream; it is an activator.Waker.
type Teller struct {
	cfg    Config
	source Source           // set when Run begins
	frames chan *stat.Frame // pointers: a place in the line costs no frame
	open   atomic.Bool      // somebody takes them
	opened chan struct{}    // one place: somebody has begun to
	// said is of watch alone.
	said map[activator.Key]soFar

	mu    sync.Mutex // guards waits
	waits map[activator.Key][]chan stat.Ack
}

var _ activator.Waker = (*Teller)(nil)

// buffered is how many frames may wait for the connection. A frame that finds
// no room is dropped: the next one of its revision says it all again.
const buffered = 4096

// New makes a Teller. It starts nothing.
func New(cfg Config) (*Teller, error) {
	if cfg.ID == "" || cfg.Leader == nil || cfg.Starter == nil {
		return nil, errors.New("demand: ID, Leader and Starter are required")
	}
	cfg.Period = cmp.Or(cfg.Period, time.Second)
	cfg.Rush = cmp.Or(cfg.Rush, 50*time.Millisecond)
	cfg.Sample = cmp.Or(cfg.Sample, 20*time.Millisecond)
	cfg.Patience = cmp.Or(cfg.Patience, 50*time.Millisecond)
	cfg.Idle = cmp.Or(cfg.Idle, 2*time.Second)
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	return &Teller{cfg: cfg, frames: make(chan *stat.Frame, buffered), opened: make(chan struct{}, 1), said: map[activator.Key]soFar{}, waits: map[activator.Key][]chan stat.Ack{}}, nil
}

// Run tells until ctx ends. source is the activator, which needs the Teller as
// its Waker and so is made after it.
func (t *Teller) Run(ctx context.Context, source Source) error {
	t.source = source
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return t.watch(ctx, source) })
	g.Go(func() error { return t.connect(ctx) })
	return g.Wait()
}

// told is what was seen of a revision since its last frame.
type told struct {
	at       time.Time // of the last frame
	last     time.Time // of the last sample
	area     float64   // requests times seconds since the last frame
	requests uint64    // that had come by the last frame
	quiet    time.Time // since when there is nothing; zero if there is
	silent   bool      // there was no frame, or nobody to take it
	queued   bool      // as of the last frame
	retiring int       // pods, as of the last frame
	answered stat.Counts
}

// watch samples active revisions; while there are none it sleeps.
func (t *Teller) watch(ctx context.Context, source Source) error {
	tick := time.NewTicker(t.cfg.Sample)
	defer tick.Stop()
	known := map[activator.Key]*told{}
	for {
		var ticks <-chan time.Time
		if len(known) > 0 {
			ticks = tick.C
		}
		select {
		case <-ctx.Done():
			return nil
		case <-source.Hints():
		case <-t.opened:
		case <-ticks:
		}
		now := time.Now()
		source.Active(func(l activator.Load) bool { return t.look(known, l, now) })
	}
}

// look takes one sample, and sends a frame if one is due. It tells whether the
// revision is to be looked at again.
func (t *Teller) look(known map[activator.Key]*told, l activator.Load, now time.Time) bool {
	k := known[l.Key]
	if k == nil {
		k = &told{at: now, last: now, silent: true, answered: t.source.Durations(l.Key)}
		known[l.Key] = k
	}
	busy := l.InFlight + l.Queued
	k.area += float64(busy) * now.Sub(k.last).Seconds()
	k.last = now
	begins := l.Queued > 0 && !k.queued
	lasts := l.Queued > 0 && now.Sub(k.at) >= t.cfg.Rush
	open := t.open.Load()
	if !open || k.silent {
		k.skip(l, now)
	}
	switch {
	case !open:
	case k.silent || begins || lasts || k.retiring != l.Retiring || now.Sub(k.at) >= t.cfg.Period:
		f := k.frame(t.cfg.ID, l, t.source, now)
		t.answers(&f, l.Key)
		t.send(f)
	}
	if busy > 0 {
		k.quiet = time.Time{}
		return true
	}
	if k.quiet.IsZero() {
		k.quiet = now
	}
	if now.Sub(k.quiet) < t.cfg.Idle {
		return true
	}
	delete(known, l.Key)
	return false
}

// skip begins anew without a frame: what nobody takes now is past when somebody
// does, and must not look as if it had come in that moment.
func (k *told) skip(l activator.Load, now time.Time) {
	k.silent, k.at, k.area, k.requests = true, now, 0, l.Requests
}

// frame says what was seen and begins anew.
func (k *told) frame(id string, l activator.Load, source Source, now time.Time) stat.Frame {
	f := stat.Frame{
		Activator: id, Namespace: l.Namespace, Revision: l.Revision,
		InFlight: l.InFlight, Queued: l.Queued, Ready: l.Ready,
		Seconds: now.Sub(k.at).Seconds(), Concurrency: float64(l.InFlight + l.Queued),
	}
	if f.Seconds > 0 {
		f.Concurrency = k.area / f.Seconds
		f.Requests = float64(l.Requests - k.requests)
	}
	if l.Ready > 1 {
		f.Pods = source.Pods(l.Key, stat.PodsTold)
	}
	answered := source.Durations(l.Key)
	lately := answered.Since(k.answered)
	f.P50, f.P95 = lately.Quantile(0.5), lately.Quantile(0.95)
	k.at, k.area, k.requests, k.queued = now, 0, l.Requests, l.Queued > 0
	k.retiring, k.answered, k.silent = l.Retiring, answered, false
	return f
}

// send hands a frame to the connection, or drops it.
func (t *Teller) send(f stat.Frame) {
	if !t.open.Load() {
		return
	}
	select {
	case t.frames <- &f:
	default:
	}
}
