package engine

import (
	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/engine/render"
)

// look around: what units refer to in other specs is found out once a commit,
// and is part of what they are rendered from.

// direct lists what the tree describes, and tells each unit what of it counts
// for it.
func (e *Engine) direct() {
	d := &render.Directory{}
	for _, u := range e.units {
		d.Add(u.entry.Identity, u.nouns)
	}
	for _, id := range e.tree.Broken {
		d.AddBroken(id)
	}
	e.keepDomains(d)
	e.directory = d
	e.holdDomains()
	for i, u := range e.units {
		if print := d.Bound(u.entry.Identity, u.nouns); print != u.bound {
			e.units[i] = newUnit(u.entry, d, print, e.cfg.Render)
			u = e.units[i]
		}
		if u.looksAround() {
			u.around = string(d.Print(nil, u.entry.Identity, u.nouns))
		}
	}
}

// looksAround reports whether other specs count for the unit's manifests.
func (u *unit) looksAround() bool {
	return len(u.nouns.Routes)+len(u.nouns.Domains) > 0 || u.nouns.Events() || render.Bindable(u.entry.Identity)
}

// of reports whether the unit is still what its entry says.
func (u *unit) of(entry load.Entry) bool {
	return u != nil && u.entry.Spec == entry.Spec && u.entry.File == entry.File
}
