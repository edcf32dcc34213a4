package engine

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-dev/sluice/engine/plan"
)

// inspectEvery is how often the pods of a revision that is not ready are
// asked what is wrong; their troubles do not show in the Deployment.
const inspectEvery = time.Second

// inspectMost bounds how many revisions one pass asks about.
const inspectMost = 32

// trouble is what was found, and when.
type trouble struct {
	plan.Trouble
	at time.Time
}

// inspect asks after revisions that have no available pod although they
// should, and gives the cluster with what was found; more says that there are
// such revisions, to be asked again.
func (e *Engine) inspect(ctx context.Context, c cluster) (found cluster, more bool) {
	if e.cfg.Inspector == nil {
		return c, false
	}
	now := e.cfg.Now()
	due, more := e.troubled(c, now)
	if len(due) == 0 {
		return c, more
	}
	e.ask(ctx, due, now)
	return e.survey(c.live), more
}

// ask asks after revisions, and remembers the answers.
func (e *Engine) ask(ctx context.Context, due []revisionKey, now time.Time) {
	found := make([]plan.Trouble, len(due))
	var g errgroup.Group
	g.SetLimit(e.cfg.Parallel)
	for i, key := range due {
		g.Go(func() (err error) {
			found[i], err = e.cfg.Inspector.Trouble(ctx, key.namespace, key.name)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		e.cfg.Log.Debug("pods cannot be inspected", "error", err)
	}
	for i, key := range due {
		e.trouble[key] = trouble{found[i], now}
	}
}

// troubled are the revisions to ask about now, and whether any has to be
// asked about later. Those that serve, sleep or are gone are forgotten.
func (e *Engine) troubled(c cluster, now time.Time) (due []revisionKey, more bool) {
	for key := range e.trouble {
		if r, ok := c.find(key); !ok || r.serving {
			delete(e.trouble, key)
		}
	}
	for _, r := range append(c.revisions[:len(c.revisions):len(c.revisions)], c.sources...) {
		if r.serving || r.replicas == 0 && r.ready {
			continue
		}
		more = true
		asked := e.trouble[r.key].at
		if asked.IsZero() {
			asked = r.created
		}
		if now.Sub(asked) >= inspectEvery && len(due) < inspectMost {
			due = append(due, r.key)
		}
	}
	return due, more
}
