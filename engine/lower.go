package engine

import (
	"slices"
	"time"

	"github.com/sluice-dev/sluice/engine/build"
	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
)

// unit is one good spec on its way along the line, kept from pass to pass.
type unit struct {
	entry load.Entry
	// nouns are what it is about. What only render reads of them, templates
	// and plain objects, is left out: desire gives all of it again.
	nouns desired.Nouns
	// configurations that its workloads and routes are about, sorted.
	configurations []string

	// bind changes the nouns as bindings ask; bound tells bindings apart.
	bind  func(desired.Nouns) desired.Nouns
	bound string
	// around differs where what other specs say to the unit does.
	around string
	// templates are those of builds that it describes; tasks are its own builds;
	// uses are, for each workload, the builds that it waits for, and missing
	// are names of no build.
	templates []desired.TaskTemplate
	tasks     []*build.Resolved
	uses      [][]build.Use
	missing   []string

	// inputs is what result was rendered from, beside the nouns.
	inputs string
	result render.Result
	err    error
	// due is when a share of its routes goes on; zero if none moves.
	due time.Time
	// clash says that another unit makes one of its objects.
	clash string
}

// configurationKey names a configuration of a namespace.
type configurationKey struct{ namespace, name string }

// latestIndex is the newest workload that the repository describes.
type latestIndex map[configurationKey]latest

// latest is a workload: its unit, its place there, and its name.
type latest struct {
	unit     *unit
	index    int
	revision string
}

// workload is all of it.
func (l latest) workload() desired.Workload { return l.unit.desire().Workloads[l.index] }

// lower turns the tree into units. A unit whose spec did not change is kept
// with what was rendered from it.
func (e *Engine) lower() {
	old := make(map[schema.Identity]*unit, len(e.units))
	for _, u := range e.units {
		old[u.entry.Identity] = u
	}
	e.units = make([]*unit, 0, len(e.tree.Specs))
	e.latest = make(latestIndex, len(e.tree.Specs))
	e.index = make(map[schema.Identity]*unit, len(e.tree.Specs))
	e.manifests = nil
	described := map[revisionKey]bool{}
	for _, entry := range e.tree.Specs {
		u := old[entry.Identity]
		if !u.of(entry) {
			u = newUnit(entry, nil, "", e.cfg.Render)
		}
		e.units = append(e.units, u)
	}
	e.direct()
	e.resolveBuilds()
	e.watchFeeds()
	for _, u := range e.units {
		e.index[u.entry.Identity] = u
		for i, w := range u.nouns.Workloads {
			e.latest[configurationKey{w.Namespace, w.Configuration}] = latest{u, i, w.Revision}
			described[revisionKey{w.Namespace, w.Revision}] = true
		}
	}
	e.images.forget(func(key revisionKey) bool { return described[key] })
	e.arrange()
}

// newUnit lowers a spec. Its pods get what the directory's bindings give them;
// bound tells bindings apart.
func newUnit(entry load.Entry, d *render.Directory, bound string, c render.Config) *unit {
	u := &unit{entry: entry, bound: bound}
	if bound != "" {
		u.bind = func(n desired.Nouns) desired.Nouns { return d.Bind(entry.Identity, n, c) }
	}
	u.nouns = u.desire()
	u.templates = u.nouns.Templates
	u.nouns.Objects, u.nouns.Templates = nil, nil
	for i := range u.nouns.Workloads {
		u.nouns.Workloads[i].Template = desired.Template{}
	}
	for _, w := range u.nouns.Workloads {
		u.configurations = append(u.configurations, w.Configuration)
	}
	for _, r := range u.nouns.Routes {
		for _, t := range r.Targets {
			if t.Configuration != "" {
				u.configurations = append(u.configurations, t.Configuration)
			}
		}
	}
	slices.Sort(u.configurations)
	u.configurations = slices.Compact(u.configurations)
	return u
}

// desire is everything that the spec wants there to be.
func (u *unit) desire() desired.Nouns {
	source, ok := u.entry.Spec.(desired.Source)
	if !ok {
		return desired.Nouns{}
	}
	nouns := source.Desire()
	if u.bind != nil {
		nouns = u.bind(nouns)
	}
	for i, uses := range u.uses {
		nouns.Workloads[i] = build.Join(nouns.Workloads[i], uses)
	}
	return nouns
}

// namespace is where the unit's objects are.
func (u *unit) namespace() string { return u.entry.Identity.Namespace }

// binds gives pods of another template of the unit what bindings give its own.
func (u *unit) binds(n desired.Nouns) desired.Nouns {
	if u.bind == nil {
		return n
	}
	return u.bind(n)
}
