package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/engine/history"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// render brings every unit's result up to date.
func (e *Engine) render(ctx context.Context, live plan.Live) {
	c := e.survey(live)
	for _, u := range e.units {
		e.renderUnit(ctx, u, c)
	}
}

// renderUnit renders one unit unless nothing it depends on has changed.
func (e *Engine) renderUnit(ctx context.Context, u *unit, c cluster) {
	if len(u.nouns.Routes) == 0 && len(u.nouns.Workloads) == 0 && u.inputs != "" {
		return
	}
	in := e.input(u, c)
	for _, configuration := range render.NeedsHistory(in) {
		line, err := e.line(ctx, configurationKey{u.namespace(), configuration})
		if err != nil {
			e.cfg.Log.Warn("history cannot be read", "spec", u.entry.Identity.String(), "error", err)
		}
		if in.Lines == nil {
			in.Lines = map[string]history.Line{}
		}
		in.Lines[configuration] = line
	}
	inputs := fingerprint(in)
	if u.inputs == inputs {
		return
	}
	u.inputs = inputs
	u.result, u.err = render.Render(in, e.cfg.Render)
}

// input gathers what a unit's manifests depend on.
func (e *Engine) input(u *unit, c cluster) render.Unit {
	in := render.Unit{
		Identity: u.entry.Identity, File: u.entry.File, Nouns: u.nouns,
		Latest: map[string]desired.Workload{},
		Facts:  render.Facts{Revisions: map[string]render.Fact{}, Routed: map[string]render.Routed{}},
	}
	ns := u.namespace()
	for _, name := range u.configurations {
		key := configurationKey{ns, name}
		if w, ok := e.latest[key]; ok {
			in.Latest[name] = w
		}
		for _, r := range c.byConfiguration[key] {
			in.Facts.Revisions[r.key.name] = r.fact()
		}
	}
	for _, r := range u.nouns.Routes {
		if object, ok := c.live[virtualService(r)]; ok && object.Ours {
			in.Facts.Routed[r.Name] = routed(object)
		}
		for _, t := range r.Targets {
			if rev, ok := c.byName[revisionKey{ns, t.Revision}]; ok {
				in.Facts.Revisions[t.Revision] = rev.fact()
			}
			e.freeTarget(&in, ns, t)
		}
	}
	return in
}

// freeTarget adds the configuration that a free-standing Route's revision
// target may belong to: the one whose name its own begins with.
func (e *Engine) freeTarget(in *render.Unit, ns string, t desired.Target) {
	if t.Revision == "" {
		return
	}
	if i := strings.LastIndexByte(t.Revision, '-'); i > 0 {
		if w, ok := e.latest[configurationKey{ns, t.Revision[:i]}]; ok {
			in.Latest[t.Revision[:i]] = w
		}
	}
}

func virtualService(r desired.Route) manifest.ID {
	return manifest.ID{APIVersion: "networking.istio.io/v1", Kind: "VirtualService", Namespace: r.Namespace, Name: r.Name}
}

// fingerprint is a short text that differs where a unit's inputs, beside its
// nouns, differ.
func fingerprint(in render.Unit) string {
	var lines []string
	for name, w := range in.Latest {
		lines = append(lines, "latest "+name+" "+w.Revision)
	}
	for name, f := range in.Facts.Revisions {
		lines = append(lines, fmt.Sprint("fact ", name, f))
	}
	for name, r := range in.Facts.Routed {
		lines = append(lines, fmt.Sprint("routed ", name, r.LatestReady))
	}
	for name, l := range in.Lines {
		lines = append(lines, fmt.Sprint("line ", name, l.Names()))
	}
	slices.Sort(lines)
	return strings.Join(append(lines, "."), "\n")
}

// retained are live objects that stay although the newest commit does not
// describe them: every revision of a configuration that it still describes,
// and every revision that a route can reach.
func (e *Engine) retained(live plan.Live) map[manifest.ID]bool {
	keep := map[manifest.ID]bool{}
	reachable := map[revisionKey]bool{}
	for _, u := range e.units {
		for _, routing := range u.result.Routes {
			for _, s := range routing.Shares {
				reachable[revisionKey{routing.Namespace, s.Revision}] = true
			}
		}
	}
	for id, object := range live {
		if id.Kind != "Deployment" || !object.Ours {
			continue
		}
		key := configurationKey{id.Namespace, object.Labels[contract.LabelConfiguration]}
		_, described := e.latest[key]
		if described || reachable[revisionKey{id.Namespace, object.Labels[contract.LabelRevision]}] {
			keep[id] = true
		}
	}
	return keep
}
