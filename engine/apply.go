package engine

import (
	"context"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema"
)

// apply does the steps, a stage after the other, many at once within a stage.
// A unit with a failed step gets no later one. A newer commit stops what has
// not begun: the next pass plans anew.
func (e *Engine) apply(ctx context.Context, steps []plan.Step) []plan.Outcome {
	if len(steps) == 0 {
		return nil
	}
	if outcome, err := e.announce(ctx, steps); err != nil {
		return outcome
	}
	dispatch, stop := context.WithCancel(ctx)
	defer stop()
	home := e.preempt(dispatch, stop)
	failed := map[schema.Identity]bool{}
	outcomes := make([]plan.Outcome, 0, len(steps))
	for len(steps) > 0 && dispatch.Err() == nil {
		n := stage(steps)
		for _, o := range e.applyStage(ctx, dispatch, sound(steps[:n], failed)) {
			e.cfg.Observer.Note(o)
			if o.Err != nil {
				failed[o.Step.Unit] = true
			}
			outcomes = append(outcomes, o)
		}
		steps = steps[n:]
	}
	stop()
	seen := <-home
	e.next, e.hinted = seen.newer, e.hinted || seen.hinted
	return outcomes
}

// announce records kinds and namespaces before the first object in them is
// written, and begins to observe those kinds.
func (e *Engine) announce(ctx context.Context, steps []plan.Step) ([]plan.Outcome, error) {
	kinds, namespaces := map[manifest.Kind]bool{}, map[string]bool{}
	for i := range steps {
		if steps[i].Action == plan.Delete {
			continue
		}
		kinds[steps[i].ID.KindOf()] = true
		if ns := steps[i].ID.Namespace; ns != "" {
			namespaces[ns] = true
		}
	}
	if e.cfg.Inventory != nil {
		if err := e.cfg.Inventory.Ensure(ctx, keys(kinds), keys(namespaces)); err != nil {
			e.cfg.Log.Error("inventory cannot be written", "error", err)
			return []plan.Outcome{{Step: steps[0], Err: err}}, err
		}
	}
	e.cfg.Observer.Watch(keys(kinds)...)
	return nil, nil
}

// sight is what was seen of the repository while steps ran.
type sight struct {
	// newer is a newer commit of the branch, if there is one.
	newer *git.Snapshot
	// hinted: something has moved that is still to be looked at: another ref, or
	// the branch, if there was no time or no way to read it.
	hinted bool
}

// preempt looks at the repository while steps run and stops the dispatch when
// a newer commit is there. The channel delivers what it saw, once.
func (e *Engine) preempt(ctx context.Context, stop context.CancelFunc) <-chan sight {
	home := make(chan sight, 1)
	go func() {
		var seen sight
		defer func() { home <- seen }()
		for {
			select {
			case <-ctx.Done():
				return
			case <-e.moved():
			}
			seen.hinted = true
			snapshot, err := e.cfg.Repository.Head(ctx)
			if err == nil && snapshot.Commit.Hash != e.snapshot.Commit.Hash {
				seen.newer = &snapshot
				stop()
				return
			}
		}
	}()
	return home
}

// stage is how many of the first steps may run at once.
func stage(steps []plan.Step) int {
	same := func(a, b plan.Step) bool {
		return (a.Action == plan.Delete) == (b.Action == plan.Delete) &&
			manifest.StageOf(a.ID) == manifest.StageOf(b.ID) &&
			(a.ID.Kind == "Namespace") == (b.ID.Kind == "Namespace")
	}
	n := 1
	for n < len(steps) && same(steps[0], steps[n]) {
		n++
	}
	return n
}

// sound are the steps of units that have not failed.
func sound(steps []plan.Step, failed map[schema.Identity]bool) []plan.Step {
	if len(failed) == 0 {
		return steps
	}
	out := make([]plan.Step, 0, len(steps))
	for _, s := range steps {
		if !failed[s.Unit] {
			out = append(out, s)
		}
	}
	return out
}

// applyStage does steps in parallel. What has begun is finished on ctx even
// when the dispatch is stopped.
func (e *Engine) applyStage(ctx, dispatch context.Context, steps []plan.Step) []plan.Outcome {
	outcomes := make([]plan.Outcome, len(steps))
	var g errgroup.Group
	g.SetLimit(e.cfg.Parallel)
	begun := 0
	for i, step := range steps {
		if dispatch.Err() != nil {
			break
		}
		begun++
		g.Go(func() error {
			outcomes[i] = e.cfg.Applier.Apply(ctx, step)
			outcomes[i].Step = step
			return nil
		})
	}
	_ = g.Wait() // the functions return no error; outcomes hold them
	return outcomes[:begun]
}

// try remembers a step that failed.
type try struct {
	digest   string
	version  string
	attempts int
	until    time.Time
	terminal bool
	err      error
	unit     schema.Identity
}

// due drops the steps that failed and whose time has not come.
func (e *Engine) due(steps []plan.Step) []plan.Step {
	if len(e.tries) == 0 {
		return steps
	}
	now := e.cfg.Now()
	out := make([]plan.Step, 0, len(steps))
	waiting := map[manifest.ID]bool{}
	for _, s := range steps {
		waiting[s.ID] = true
		t, failed := e.tries[s.ID]
		same := failed && t.digest == s.Manifest.Digest && t.version == s.Live.ResourceVersion
		if same && (t.terminal || now.Before(t.until)) {
			continue
		}
		out = append(out, s)
	}
	for id := range e.tries {
		if !waiting[id] {
			delete(e.tries, id)
		}
	}
	return out
}

// Back-off of a failed step: doubling from half a second to half a minute,
// with a fifth of jitter.
const (
	backoffFirst = 500 * time.Millisecond
	backoffMost  = 30 * time.Second
)

// learn remembers what was written and what failed.
func (e *Engine) learn(outcomes []plan.Outcome) {
	for _, o := range outcomes {
		if o.Err == nil {
			e.memo.Wrote(o)
			delete(e.tries, o.Step.ID)
			e.applied = e.cfg.Now()
			continue
		}
		t := try{
			digest: o.Step.Manifest.Digest, version: o.Step.Live.ResourceVersion, terminal: o.Terminal,
			err: o.Err, unit: o.Step.Unit, attempts: e.tries[o.Step.ID].attempts + 1,
		}
		wait := min(backoffFirst<<min(t.attempts-1, 10), backoffMost)
		wait += time.Duration(rand.Int64N(int64(wait) / 5))
		t.until = e.cfg.Now().Add(max(wait, o.RetryAfter))
		e.tries[o.Step.ID] = t
	}
}

func keys[K comparable](set map[K]bool) []K {
	out := make([]K, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	return out
}
