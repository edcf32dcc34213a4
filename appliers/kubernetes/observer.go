package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

// ObserverConfig says what to observe.
type ObserverConfig struct {
	// API is the server. Required.
	API *API
	// ApplySet is the value of our part-of label; only objects that have it
	// are listed. Required.
	ApplySet string
	// Kinds are observed from the start; Watch adds others.
	Kinds []manifest.Kind
	// Page is how many objects one list request asks for. Default 500.
	Page int
	// MinBackoff and MaxBackoff bound the waits between tries when the server
	// is away. Defaults 50 ms and 2 s.
	MinBackoff, MaxBackoff time.Duration
	// Log gets what an operator acts on. Default: discarded.
	Log *slog.Logger
}

// Observer keeps a copy of every object of ours: one watch a kind, opened anew
// for as long as it runs. Of an object it keeps the JSON without managedFields.
type Observer struct {
	cfg   ObserverConfig
	store *store
	wake  chan struct{}

	mu     sync.Mutex // guards what follows
	kinds  map[manifest.Kind]*watched
	needed []manifest.Kind // nil: all
}

// watched is the state of one kind.
type watched struct {
	kind    manifest.Kind
	started bool
	once    sync.Once
	synced  chan struct{}
	// err is why the kind cannot be observed at the moment; guarded by Observer.mu.
	err error
}

// NewObserver makes an observer; it does nothing until Run.
func NewObserver(cfg ObserverConfig) (*Observer, error) {
	if cfg.API == nil {
		return nil, errors.New("kubernetes: ObserverConfig.API is required")
	}
	if cfg.ApplySet == "" {
		return nil, errors.New("kubernetes: ObserverConfig.ApplySet is required")
	}
	if cfg.Page <= 0 {
		cfg.Page = 500
	}
	if cfg.MinBackoff <= 0 {
		cfg.MinBackoff = 50 * time.Millisecond
	}
	if cfg.MaxBackoff <= 0 {
		cfg.MaxBackoff = 2 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	o := &Observer{cfg: cfg, store: newStore(), wake: make(chan struct{}, 1), kinds: map[manifest.Kind]*watched{}}
	o.Watch(cfg.Kinds...)
	return o, nil
}

// Watch begins to observe further kinds; those that are observed already are
// left alone. It may be called while Run works.
func (o *Observer) Watch(kinds ...manifest.Kind) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, k := range kinds {
		if _, ok := o.kinds[k]; !ok {
			o.kinds[k] = &watched{kind: k, synced: make(chan struct{})}
		}
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Need names the kinds that Synced waits for also while they may not be read. Of
// all others one that may not, because the installation no longer permits it,
// counts as listed, so that it holds nothing up; what there is of it is not
// seen, and so left alone. Without Need every kind is waited for.
func (o *Observer) Need(kinds ...manifest.Kind) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.needed = append([]manifest.Kind{}, kinds...)
}

// dispensable tells whether a kind that may not be read counts as listed.
func (o *Observer) dispensable(kind manifest.Kind) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.needed != nil && !slices.Contains(o.needed, kind)
}

// Run observes until ctx ends.
func (o *Observer) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		for _, w := range o.unstarted() {
			running.Go(func() { o.follow(ctx, w) })
		}
		select {
		case <-ctx.Done():
			return nil
		case <-o.wake:
		}
	}
}

func (o *Observer) unstarted() []*watched {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []*watched
	for _, w := range o.kinds {
		if !w.started {
			w.started = true
			out = append(out, w)
		}
	}
	return out
}

// Synced waits until every watched kind was listed once. A kind that the
// server does not have counts as listed. If ctx ends first, the error says
// which kinds are missing and why.
func (o *Observer) Synced(ctx context.Context) error {
	for _, w := range o.all() {
		select {
		case <-w.synced:
		case <-ctx.Done():
			return o.unsynced(ctx.Err())
		}
	}
	return nil
}

func (o *Observer) all() []*watched {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Values(o.kinds))
}

func (o *Observer) unsynced(cause error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	errs := []error{fmt.Errorf("the cluster's objects are not all known yet: %w", cause)}
	for _, w := range o.kinds {
		select {
		case <-w.synced:
		default:
			if w.err != nil {
				errs = append(errs, w.err)
			}
		}
	}
	return errors.Join(errs...)
}

// Live is what is known: a copy that later changes do not touch. It may be
// given more than once: read it, never write to it.
func (o *Observer) Live() plan.Live { return o.store.copy() }

// Changes gets a value, at most one waiting, when Live may have changed.
func (o *Observer) Changes() <-chan struct{} { return o.store.hint }

// Note makes the result of a write known at once; what the watch brings of the
// object from before the write is ignored.
func (o *Observer) Note(outcome plan.Outcome) { o.store.note(outcome) }

// follow keeps one kind up to date until ctx ends.
func (o *Observer) follow(ctx context.Context, w *watched) {
	f := &follower{api: o.cfg.API, store: o.store, applySet: o.cfg.ApplySet, page: o.cfg.Page, kind: w.kind, streaming: true}
	f.listed = func() { o.settle(w, nil) }
	wait := o.cfg.MinBackoff
	for {
		began, version := time.Now(), f.version
		err := f.round(ctx)
		if ctx.Err() != nil {
			return
		}
		if f.version != version || err == nil && time.Since(began) > time.Second {
			wait = o.cfg.MinBackoff // it has made progress, or the watch has had its time
		}
		if err != nil {
			o.settle(w, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait/2 + rand.N(wait/2+1)):
		}
		wait = min(2*wait, o.cfg.MaxBackoff)
	}
}

// settle records how a kind is doing.
func (o *Observer) settle(w *watched, err error) {
	var noKind *NoKindError
	if err == nil || errors.As(err, &noKind) || apierrors.IsForbidden(err) && o.dispensable(w.kind) {
		w.once.Do(func() { close(w.synced); o.store.signal() })
	}
	o.mu.Lock()
	before := w.err
	w.err = err
	o.mu.Unlock()
	switch {
	case err == nil && before != nil:
		o.cfg.Log.Info("kind is observed again", "kind", w.kind.String())
	case err != nil && (before == nil || before.Error() != err.Error()):
		o.cfg.Log.Info("kind cannot be observed; trying on", "kind", w.kind.String(), "error", err, "label", contract.LabelPartOf)
	}
}
