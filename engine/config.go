package engine

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"time"

	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/engine/preview"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
)

// Repository is where intent comes from. *git.Repository is one.
type Repository interface {
	// Head is the branch's newest commit and the list of its files. It may
	// ask the network.
	Head(ctx context.Context) (git.Snapshot, error)
	// Blob is a file's content; more than max bytes is an error.
	Blob(ctx context.Context, hash string, max int64) ([]byte, error)
	// Log walks the first-parent history from a commit, newest first.
	Log(ctx context.Context, from string) iter.Seq2[git.CommitChange, error]
}

// Watcher says when a Repository may have moved.
type Watcher interface {
	Run(ctx context.Context) error
	Changes() <-chan struct{}
}

// Observer knows the objects in the cluster that are ours.
type Observer interface {
	// Run watches until ctx ends.
	Run(ctx context.Context) error
	// Watch begins to observe further kinds.
	Watch(kinds ...manifest.Kind)
	// Synced waits until every watched kind was listed once.
	Synced(ctx context.Context) error
	// Live is what is known, untouched by later changes. The engine only reads it.
	Live() plan.Live
	// Changes gets a value, at most one waiting, when Live may have changed.
	Changes() <-chan struct{}
	// Note makes the result of a write known before the watch brings it.
	Note(plan.Outcome)
}

// Applier does one step. It is safe for concurrent use.
type Applier interface {
	Apply(ctx context.Context, step plan.Step) plan.Outcome
}

// ApplierFunc is an Applier that is only a function.
type ApplierFunc func(ctx context.Context, step plan.Step) plan.Outcome

// Apply calls the function.
func (f ApplierFunc) Apply(ctx context.Context, step plan.Step) plan.Outcome { return f(ctx, step) }

// Inventory records which kinds and namespaces the engine's objects are in,
// before the first of them is written.
type Inventory interface {
	// Load gives the kinds that an earlier run recorded.
	Load(ctx context.Context) ([]manifest.Kind, error)
	// Ensure records what is new; it writes nothing if nothing is.
	Ensure(ctx context.Context, kinds []manifest.Kind, namespaces []string) error
}

// Inspector says what is wrong with the pods of a revision that is not ready.
type Inspector interface {
	Trouble(ctx context.Context, namespace, revision string) (plan.Trouble, error)
}

// Reporter makes reports known. It is called from the loop and must not block on the network.
type Reporter interface {
	Report(prev, next status.Report)
}

// Config is what an engine is made of. Fields without a default are required.
type Config struct {
	// Name is the repository as people may see it: no credentials. Branch is the branch.
	Name, Branch string
	Repository   Repository
	// Digests is optional; without it images run under their tags.
	Digests Digests
	// References is optional; without it no spec can name a Git ref.
	References References
	// Watcher is optional; without it the repository is looked at every Resync.
	Watcher  Watcher
	Observer Observer
	Applier  Applier
	// Inventory, Inspector and Reporter are optional.
	Inventory Inventory
	Inspector Inspector
	Reporter  Reporter
	// Last is what an earlier run reported last: events are told from there on,
	// and what waits to be deleted goes on waiting.
	Last status.Report
	// Kinds is the table of contents of what specs may be.
	Kinds  schema.Kinds
	Render render.Config
	// Committer is optional; without it nothing is ever reverted. Author signs.
	Committer Committer
	Author    Author
	// Watch is optional; without it traffic that moves in steps goes on whatever
	// the newer revision answers.
	Watch Watch
	// Previews bounds what the repository may say about previews.
	Previews preview.Limits
	Builds   Builds
	// Sources serves the repository's trees to builds; optional.
	Sources Sources
	// Policy bounds pruning; the zero Policy is plan.DefaultPolicy.
	Policy plan.Policy
	// Parallel is how many writes are under way at once. Default 32.
	Parallel int
	// Resync is the longest time between two passes. Default 5 min.
	Resync time.Duration
	// Settle is how long watch events are gathered before a pass. Default 2 ms.
	Settle time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Log gets what an operator acts on. Default: discarded.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Policy == (plan.Policy{}) {
		c.Policy = plan.DefaultPolicy()
	}
	if c.Parallel <= 0 {
		c.Parallel = 32
	}
	if c.Resync <= 0 {
		c.Resync = 5 * time.Minute
	}
	if c.Settle <= 0 {
		c.Settle = 2 * time.Millisecond
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) validate() error {
	var errs []error
	for name, missing := range map[string]bool{
		"Repository": c.Repository == nil,
		"Observer":   c.Observer == nil,
		"Applier":    c.Applier == nil,
		"ApplySet":   c.Render.ApplySet == "",
		"Domain":     c.Render.Domain == "",
	} {
		if missing {
			errs = append(errs, errors.New("engine: Config."+name+" is required"))
		}
	}
	return errors.Join(errs...)
}
