package engine

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/engine/load"
)

// Bounds of what is kept of old revisions where the repository says nothing:
// Knative's defaults (config-gc).
const (
	gcSinceCreate = 48 * time.Hour
	gcSinceActive = 15 * time.Hour
	gcMin         = 20
	gcMax         = 1000
)

// retention is how many revisions that no route leads to are kept, and how long.
type retention struct {
	// sinceCreate and sinceActive are how long after it was made, and after it
	// was scaled last, a revision is kept; less than 0 does not matter.
	sinceCreate, sinceActive time.Duration
	// min are kept whatever their age, max at most.
	min, max int
}

// retentionOf reads the repository's settings.
func retentionOf(s *load.GC) retention {
	r := retention{gcSinceCreate, gcSinceActive, gcMin, gcMax}
	if s == nil {
		return r
	}
	age(&r.sinceCreate, s.SinceCreate)
	age(&r.sinceActive, s.SinceActive)
	if s.Min != nil {
		r.min = *s.Min
	}
	if s.Max != nil {
		r.max = *s.Max
	}
	return r
}

func age(out *time.Duration, text string) {
	if text == load.Disabled {
		*out = -1
	} else if d, err := time.ParseDuration(text); err == nil {
		*out = d
	}
}

// idle is a revision that no route leads to and that nobody names.
type idle struct {
	key             revisionKey
	created, active time.Time
}

// collect picks what has to go of one configuration's idle revisions: those
// that are old, down to the minimum; then the oldest, down to the maximum.
func (r retention) collect(all []idle, now time.Time) []revisionKey {
	slices.SortFunc(all, func(a, b idle) int {
		return cmp.Or(a.active.Compare(b.active), a.created.Compare(b.created), strings.Compare(a.key.name, b.key.name))
	})
	var gone []revisionKey
	var kept []idle
	for _, v := range all {
		if len(all)-len(gone) > r.min && r.stale(v, now) {
			gone = append(gone, v.key)
			continue
		}
		kept = append(kept, v)
	}
	for i := 0; len(kept)-i > max(r.min, r.max); i++ {
		gone = append(gone, kept[i].key)
	}
	return gone
}

// stale reports whether a revision is old enough to go. If no age matters
// none ever is.
func (r retention) stale(v idle, now time.Time) bool {
	if r.sinceCreate < 0 && r.sinceActive < 0 {
		return false
	}
	return now.Sub(v.created) >= r.sinceCreate && now.Sub(v.active) >= r.sinceActive
}

// collectable are the live revisions that are kept no longer. While anything of
// the repository cannot be understood, or a route waits, that may be more than
// what is known to lead to them: then all stay.
func (e *Engine) collectable(c cluster) map[revisionKey]bool {
	if len(e.tree.Broken)+len(e.tree.Unreadable)+len(e.tree.Silent) > 0 {
		return nil
	}
	r := retentionOf(e.settings.GC)
	var gone map[revisionKey]bool
	var named map[revisionKey]bool // made when first needed
	now := e.cfg.Now()
	for from := 0; from < len(c.revisions); {
		key := configurationKey{c.revisions[from].key.namespace, c.revisions[from].configuration}
		to := from
		for to < len(c.revisions) && c.revisions[to].compare(key) == 0 {
			to++
		}
		if to-from > r.min {
			if named == nil {
				named = e.named()
			}
			for _, k := range r.collect(e.idle(c.revisions[from:to], named), now) {
				if gone == nil {
					gone = map[revisionKey]bool{}
				}
				gone[k] = true
			}
		}
		from = to
	}
	return gone
}

// idle are the revisions of one configuration that may be collected.
func (e *Engine) idle(all []*revision, named map[revisionKey]bool) []idle {
	var out []idle
	for _, r := range all {
		if named[r.key] || named[revisionKey{r.key.namespace, ""}] || r.preserved || r.preview != "" {
			continue
		}
		if latest, ok := e.latest[configurationKey{r.key.namespace, r.configuration}]; !ok || latest.revision == r.key.name {
			continue
		}
		out = append(out, idle{r.key, r.created, cmp.Or(r.scaled, r.created)})
	}
	return out
}

// named are the revisions that a route leads to, or that Git names. Where a
// route waits the name is empty: all of its namespace are.
func (e *Engine) named() map[revisionKey]bool {
	out := e.reachable()
	for _, u := range e.units {
		if u.err != nil {
			out[revisionKey{u.namespace(), ""}] = true
		}
		for i := range u.result.Manifests {
			if id := u.result.Manifests[i].ID; id.Kind == "Deployment" {
				out[revisionKey{id.Namespace, id.Name}] = true
			}
		}
		for _, routing := range u.result.Routes {
			if len(routing.Shares) == 0 {
				out[revisionKey{routing.Namespace, ""}] = true
			}
			for _, name := range routing.Named {
				out[revisionKey{routing.Namespace, name}] = true
			}
		}
	}
	return out
}
