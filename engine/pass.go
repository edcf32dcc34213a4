package engine

import (
	"context"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/engine/status"
)

// tellAfter is how long a pass may go on writing before it reports.
const tellAfter = time.Second

// pass goes along the line until nothing is left to be written, and says when
// the next pass is due if nothing changes before. What follows from a write at
// once, as a route from a revision that is ready, is written before anybody is
// told: reports and events would take their turn at the API server first.
func (e *Engine) pass(ctx context.Context, look bool) time.Duration {
	began := e.cfg.Now()
	e.wrote = false
	if look {
		e.hinted = false
		e.look(ctx)
		e.lookRefs(ctx)
		if !e.previews.read {
			e.lookPreviews(ctx)
		}
	}
	if e.snapshot.Commit.Hash == "" {
		e.publish(e.summary(newCluster(nil, nil), plan.Plan{}))
		return time.Second
	}
	for {
		c, inspecting := e.inspect(ctx, e.survey(e.live()))
		inspecting = e.watch(ctx, c) || inspecting
		e.render(ctx, c)
		p := e.plan(c)
		outcomes := e.apply(ctx, e.due(p.Steps))
		e.learn(outcomes)
		if len(outcomes) > 0 {
			e.wrote = true
			e.logApplied(outcomes, began)
			if e.next == nil && ctx.Err() == nil && e.cfg.Now().Sub(began) < tellAfter {
				continue
			}
			c = e.survey(e.cfg.Observer.Live()) // the signal stays: there is more to do
		}
		if look && e.next == nil && ctx.Err() == nil {
			if look = false; e.lookPreviews(ctx) && e.next == nil {
				continue
			}
		}
		e.publish(e.summary(c, p))
		e.revertHeld(ctx)
		return e.nextLook(p, inspecting)
	}
}

// live is what the cluster is now. A change that was signalled before is in it.
func (e *Engine) live() plan.Live {
	select {
	case <-e.cfg.Observer.Changes():
	default:
	}
	return e.cfg.Observer.Live()
}

// Preview goes along the line as far as the plan and writes nothing. The
// report says how things stand now.
func (e *Engine) Preview(ctx context.Context) (plan.Plan, status.Report, error) {
	if err := e.begin(ctx); err != nil {
		return plan.Plan{}, status.Report{}, err
	}
	e.look(ctx)
	e.lookRefs(ctx)
	if e.lookErr != nil {
		return plan.Plan{}, status.Report{}, e.lookErr
	}
	e.lookPreviews(ctx)
	c, _ := e.inspect(ctx, e.survey(e.live()))
	e.render(ctx, c)
	p := e.plan(c)
	return p, e.summary(c, p), nil
}

// plan compares everything rendered with everything live.
func (e *Engine) plan(c cluster) plan.Plan {
	in := plan.Input{
		Manifests: e.manifests, Live: c.live, Keep: e.retains(c), Busy: starting, Commit: e.snapshot.Commit.Hash,
		Broken: e.broken(), Memo: e.memo, Now: e.cfg.Now(), Orphans: e.orphans, Policy: e.cfg.Policy,
	}
	in.Policy.Confirmed = confirmsPrune(e.snapshot.Commit.Message)
	p := plan.Make(in)
	e.orphans = p.Orphans
	return p
}

// unambiguous are the manifests of all units, without those of an object that
// an earlier unit describes already: a plain Service beside a route of the
// same name, say. The second unit gets the problem.
func (e *Engine) unambiguous() []manifest.Manifest {
	first := make(map[manifest.ID]int, len(e.manifests))
	out := make([]manifest.Manifest, 0, len(e.manifests))
	for _, u := range e.units {
		u.clash = ""
		for _, m := range u.result.Manifests {
			i, taken := first[m.ID]
			if !taken {
				first[m.ID] = len(out)
				out = append(out, m)
			} else if other := &out[i]; other.Unit != m.Unit {
				u.clash = "it makes " + m.ID.String() + ", which " + other.Unit.String() + " in " + other.File + " makes too: rename one of them"
			}
		}
	}
	return out
}

// confirmsPrune reads the trailer that releases the mass-delete brake.
func confirmsPrune(message string) bool {
	for line := range strings.SplitSeq(message, "\n") {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.EqualFold(strings.TrimSpace(key), "Sluice-Prune") && strings.TrimSpace(value) == "confirm" {
			return true
		}
	}
	return false
}

// nextLook is when the first hold, retry or inspection is due.
func (e *Engine) nextLook(p plan.Plan, inspecting bool) time.Duration {
	wait := e.cfg.Resync
	if inspecting {
		wait = min(wait, inspectEvery)
	}
	for _, h := range p.Holds {
		if h.Wait > 0 {
			wait = min(wait, h.Wait)
		}
	}
	now := e.cfg.Now()
	for _, t := range e.tries {
		if !t.terminal {
			wait = min(wait, max(t.until.Sub(now), time.Millisecond))
		}
	}
	for _, u := range e.units {
		if !u.due.IsZero() {
			wait = min(wait, max(u.due.Sub(now), time.Millisecond))
		}
	}
	if !e.previews.due.IsZero() {
		wait = min(wait, max(e.previews.due.Sub(now), time.Millisecond))
	}
	if e.lookErr != nil {
		wait = min(wait, 5*time.Second)
	}
	if e.next != nil || e.hinted {
		wait = 0
	}
	return wait
}

// logApplied says what a pass did, once.
func (e *Engine) logApplied(outcomes []plan.Outcome, began time.Time) {
	done, failed := 0, 0
	for _, o := range outcomes {
		if o.Err != nil {
			failed++
			e.cfg.Log.Warn("step failed", "step", o.Step.String(), "error", o.Err, "terminal", o.Terminal)
			continue
		}
		done++
		e.cfg.Log.Info("step done", "step", o.Step.Action.String(), "object", o.Step.ID.String(),
			"spec", o.Step.Unit.String(), "reason", o.Step.Reason)
	}
	e.cfg.Log.Info("applied", "commit", e.snapshot.Commit.Hash, "done", done, "failed", failed,
		"took", e.cfg.Now().Sub(began).Round(time.Microsecond).String())
}
