package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-dev/sluice/engine/build"
	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
)

// Engine makes one cluster what one branch says. Its methods are for one
// goroutine.
type Engine struct {
	cfg Config

	snapshot git.Snapshot // the newest commit that could be read
	tree     load.Tree
	paths    map[string]bool
	settings load.Settings
	lookErr  error

	parts map[partKey]load.Part
	units []*unit
	index map[schema.Identity]*unit
	// manifests are those of all units, each object once; nil if that has to be
	// found out anew.
	manifests []manifest.Manifest
	scratch   []byte // a fingerprint in the making
	latest    latestIndex
	directory *render.Directory
	// held is who has the domains that several ask for, by namespace.
	held   map[string]string
	builds buildIndex
	// feeds says that there are any.
	feeds bool
	// described are the files that say something of the cluster, where builds ask.
	described map[string]bool
	assume    bool // offline, builds count as done
	history   historian
	refs      gitRefs
	worse     verdicts
	watched   watched
	reverts   reverts
	images    *imageBook
	previews  previews
	facts     factCache
	trouble   map[revisionKey]trouble

	memo    *plan.Memo
	orphans map[manifest.ID]time.Time
	tries   map[manifest.ID]try
	applied time.Time

	report status.Report
	next   *git.Snapshot // read while the last pass was still writing
	hinted bool          // the repository has moved since the last look at it began
	wrote  bool          // the last pass did
	calm   calm
}

// revisionKey names a revision in the cluster.
type revisionKey struct{ namespace, name string }

// New makes an engine. It touches nothing.
func New(cfg Config) (*Engine, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	return &Engine{
		cfg:     cfg,
		parts:   map[partKey]load.Part{},
		facts:   factCache{},
		trouble: map[revisionKey]trouble{},
		images:  newImageBook(cfg),
		memo:    plan.NewMemo(),
		orphans: released(cfg),
		tries:   map[manifest.ID]try{},
		report:  cfg.Last,
	}, nil
}

// released is since when an earlier run has let go of what the last report says
// it is about to delete: the grace goes on where it stood, and the brake has
// been passed.
func released(cfg Config) map[manifest.ID]time.Time {
	out := map[manifest.ID]time.Time{}
	for _, h := range cfg.Last.Holds {
		if h.Wait > 0 {
			out[h.ID] = cfg.Now().Add(h.Wait - cfg.Policy.Grace)
		}
	}
	return out
}

// BaseKinds are the kinds without which an engine cannot begin: what a service
// is made of.
func BaseKinds() []manifest.Kind { return slices.Clone(baseKinds) }

// baseKinds are observed from the start; others when they are first described.
var baseKinds = []manifest.Kind{
	{APIVersion: "apps/v1", Kind: "Deployment"},
	{APIVersion: "v1", Kind: "Service"},
	{APIVersion: "networking.istio.io/v1", Kind: "VirtualService"},
	build.JobKind, // what deleted specs have outside is removed by Jobs
}

// Run converges until ctx ends. It returns nil then, or the error that makes
// going on pointless.
func (e *Engine) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return e.cfg.Observer.Run(ctx) })
	if e.cfg.Watcher != nil {
		g.Go(func() error { return e.cfg.Watcher.Run(ctx) })
	}
	g.Go(func() error { return e.images.run(ctx) })
	g.Go(func() error { return e.loop(ctx) })
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// loop is pass after pass, each as soon as something may have changed.
func (e *Engine) loop(ctx context.Context) error {
	if err := e.begin(ctx); err != nil {
		return err
	}
	look := true
	for ctx.Err() == nil {
		began := e.cfg.Now()
		wait := e.pass(ctx, look)
		e.calm.passed(began, e.cfg.Now(), e.wrote)
		look = e.await(ctx, wait)
	}
	return ctx.Err()
}

// begin observes what an earlier run left, so that nothing is taken for missing.
func (e *Engine) begin(ctx context.Context) error {
	e.cfg.Observer.Watch(baseKinds...)
	for e.cfg.Inventory != nil {
		kinds, err := e.cfg.Inventory.Load(ctx)
		if err == nil {
			e.cfg.Observer.Watch(kinds...)
			break
		}
		e.fail("inventory cannot be read", err)
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
	return e.cfg.Observer.Synced(ctx)
}

// await returns when a pass is due; look says that the repository may have moved.
func (e *Engine) await(ctx context.Context, wait time.Duration) (look bool) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-e.moved():
		return true
	case <-e.cfg.Observer.Changes():
		if e.gather(ctx) {
			return true
		}
	case <-e.images.found:
	case <-timer.C:
	}
	return e.next != nil || e.hinted || e.cfg.Watcher == nil || e.lookErr != nil || !e.previews.due.IsZero() && !e.cfg.Now().Before(e.previews.due)
}

// moved is the watcher's channel; nil, which never delivers, without one.
func (e *Engine) moved() <-chan struct{} {
	if e.cfg.Watcher == nil {
		return nil
	}
	return e.cfg.Watcher.Changes()
}

// fail logs and reports what keeps the engine from working at all.
func (e *Engine) fail(what string, err error) {
	e.cfg.Log.Error(what, "error", err)
	next := e.report
	next.Repository, next.Branch, next.Error = e.cfg.Name, e.cfg.Branch, what+": "+err.Error()
	e.publish(next)
}

// publish hands a report on if it says something new.
func (e *Engine) publish(next status.Report) {
	if status.Equal(e.report, next) {
		return
	}
	prev := e.report
	e.report = next
	if e.cfg.Reporter != nil {
		e.cfg.Reporter.Report(prev, next)
	}
}

// pause waits, but not longer than ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// broken says what the tree's problems protect from pruning.
func (e *Engine) broken() plan.Broken {
	b := plan.Broken{Units: map[schema.Identity]bool{}, Files: map[string]bool{}, Silent: map[string]bool{}, Paths: e.paths}
	for _, id := range e.tree.Broken {
		b.Units[id] = true
	}
	for _, path := range e.tree.Unreadable {
		b.Files[path] = true
	}
	for _, path := range e.tree.Silent {
		b.Silent[path] = true
	}
	return b
}
