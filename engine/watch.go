package engine

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/engine/rollout"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// verdicts say, by revision, why it answers worse than the one before it.
type verdicts map[revisionKey]string

// of are those about a unit's namespace.
func (v verdicts) of(u *unit) map[string]string {
	var out map[string]string
	for key, why := range v {
		if key.namespace == u.namespace() && why != "" {
			if out == nil {
				out = map[string]string{}
			}
			out[key.name] = why
		}
	}
	return out
}

// print appends the verdicts about revisions that a unit's shares move to.
func (v verdicts) print(b []byte, u *unit) []byte {
	if len(v) == 0 {
		return b
	}
	for _, routing := range u.result.Routes {
		for _, s := range routing.Shares {
			if why := v[revisionKey{u.namespace(), s.Revision}]; why != "" {
				b = appendTexts(b, "worse", s.Revision, why)
			}
		}
	}
	return b
}

// Watch knows how revisions have answered so far, as those who pass the
// requests on see it.
type Watch interface {
	// Answers are the counts of the revisions that anybody has asked, by
	// namespace/name. They begin anew when whoever counts does.
	Answers(ctx context.Context, revisions []string) (map[string]contract.Answers, error)
}

const (
	// watchEvery is how often revisions that take over are looked at.
	watchEvery = time.Second
	// watchTimeout is how long an answer may take: a pass waits for it.
	watchTimeout = 250 * time.Millisecond
)

// pair is a revision that takes requests over, and the one that had them.
type pair struct{ newer, older revisionKey }

// watched is what is known of the pairs that are looked at.
type watched struct {
	at time.Time
	// begun is, by pair, what both had answered when the look at them began, and
	// at the last look.
	begun map[pair]span
}

// span is what the older and the newer revision had answered at two moments.
type span struct{ first, last [2]contract.Answers }

// watch compares the revisions that take requests over with those that had
// them; more says that there are any. What is found stands until it is
// recorded in the cluster, which ends the comparison.
func (e *Engine) watch(ctx context.Context, c cluster) (more bool) {
	if e.cfg.Watch == nil {
		return false
	}
	pairs := e.pairs(c)
	if len(pairs) == 0 {
		if e.watched.begun != nil {
			e.watched, e.worse = watched{}, nil
		}
		return false
	}
	now := e.cfg.Now()
	if wait := now.Sub(e.watched.at); wait < watchEvery && wait >= 0 && e.watched.begun != nil {
		return true
	}
	e.watched.at = now
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	answers, err := e.cfg.Watch.Answers(ctx, names(pairs))
	if err != nil {
		e.cfg.Log.Debug("how revisions answer cannot be told", "error", err)
		return true
	}
	e.compare(pairs, answers)
	return true
}

// compare finds the revisions that answer worse than those before them.
func (e *Engine) compare(pairs []pair, answers map[string]contract.Answers) {
	begun := make(map[pair]span, len(pairs))
	worse := verdicts{}
	for _, p := range pairs {
		now := [2]contract.Answers{answers[p.older.String()], answers[p.newer.String()]}
		s, known := e.watched.begun[p]
		if !known || now[0].Requests < s.last[0].Requests || now[1].Requests < s.last[1].Requests {
			s.first = now // the first look, or whoever counts has begun anew
		}
		s.last = now
		begun[p] = s
		why := rollout.Worse(between(s.first[0], now[0]), between(s.first[1], now[1]))
		if why == "" {
			why = e.worse[p.newer]
		}
		if why != "" {
			worse[p.newer] = why
		}
	}
	e.watched.begun, e.worse = begun, worse
}

// between is what was answered after an earlier moment.
func between(earlier, now contract.Answers) rollout.Answers {
	out := rollout.Answers{Requests: now.Requests - earlier.Requests, Errors: now.Errors - earlier.Errors, Slow: slices.Clone(now.Slow)}
	for i := range min(len(out.Slow), len(earlier.Slow)) {
		out.Slow[i] -= earlier.Slow[i]
	}
	return out
}

// pairs are what the cluster says is moving: shares that go step by step, and
// previews that have one.
func (e *Engine) pairs(c cluster) []pair {
	var out []pair
	for _, u := range e.units {
		for _, r := range u.nouns.Routes {
			previewed := len(e.previews.previewed(u)) > 0
			if r.Rollout.IsZero() && !previewed {
				continue
			}
			object, ok := c.live[virtualService(r)]
			if !ok || !object.Ours || !previewed && !strings.Contains(object.Annotations[contract.AnnotationRollouts], `"began"`) {
				continue // nothing moves
			}
			out = append(out, e.pairsOf(u, r, routed(object))...)
		}
	}
	return out
}

func (e *Engine) pairsOf(u *unit, r desired.Route, live render.Routed) []pair {
	var out []pair
	key := func(name string) revisionKey { return revisionKey{r.Namespace, name} }
	for _, name := range slices.Sorted(maps.Keys(live.Rollouts)) {
		if s := live.Rollouts[name]; s.Moving() {
			out = append(out, pair{newer: key(s.Newest()), older: key(s.Parts[0].Revision)})
		}
	}
	stable := live.LatestReady[r.Service]
	for _, p := range e.previews.previewed(u) {
		name := live.Previews[p.Tag]
		held := live.Rollouts["preview/"+p.Tag].Held
		if p.Percent > 0 && name != "" && stable != "" && (held == nil || held.Revision != name) {
			out = append(out, pair{newer: key(name), older: key(stable)})
		}
	}
	return out
}

// names are all revisions of the pairs, each once.
func names(pairs []pair) []string {
	var out []string
	for _, p := range pairs {
		out = append(out, p.newer.String(), p.older.String())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// String is namespace/name.
func (k revisionKey) String() string { return k.namespace + "/" + k.name }
