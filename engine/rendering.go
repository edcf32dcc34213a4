package engine

import (
	"context"
	"encoding/binary"
	"strconv"
	"strings"
	"sync"

	"github.com/sluice-dev/sluice/engine/build"
	"github.com/sluice-dev/sluice/engine/history"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// render brings every unit's result, and all manifests, up to date.
func (e *Engine) render(ctx context.Context, c cluster) {
	changed := e.manifests == nil
	for _, u := range e.units {
		if e.renderUnit(ctx, u, c) {
			changed = true
		}
	}
	if changed {
		e.manifests = e.unambiguous()
	}
}

// renderUnit renders one unit unless nothing it depends on has changed.
func (e *Engine) renderUnit(ctx context.Context, u *unit, c cluster) (rendered bool) {
	if len(u.nouns.Routes) == 0 && len(u.nouns.Workloads) == 0 && len(u.nouns.Tasks) == 0 && u.inputs != "" && !u.looksAround() {
		return false
	}
	e.scratch = e.fingerprint(e.scratch[:0], u, c)
	if u.inputs == string(e.scratch) && (u.due.IsZero() || e.cfg.Now().Before(u.due)) {
		return false
	}
	u.inputs = string(e.scratch)
	in := e.input(u, c)
	for _, configuration := range render.NeedsHistory(in) {
		line, err := e.line(ctx, configurationKey{u.namespace(), configuration})
		if err != nil {
			e.cfg.Log.Warn("history cannot be read", "spec", u.entry.Identity.String(), "error", err)
			u.inputs = "" // the next pass tries again
		}
		if in.Lines == nil {
			in.Lines = map[string]history.Line{}
		}
		in.Lines[configuration] = line
	}
	waits := false
	in.Directory = e.directory
	in.Images = e.imagesOf(c, &waits)
	e.settleBuilds(u, c, &in)
	e.settleAside(u, c, &in)
	u.result, u.err = render.Render(in, e.cfg.Render)
	u.due = u.result.Due()
	e.addRuns(u, c)
	if waits {
		u.inputs = ""
	}
	return true
}

// input gathers what a unit's manifests depend on.
func (e *Engine) input(u *unit, c cluster) render.Unit {
	in := render.Unit{
		Identity: u.entry.Identity, File: u.entry.File, Nouns: u.desire(),
		Latest: map[string]desired.Workload{}, Refs: e.refsOf(u), Now: e.cfg.Now(), Worse: e.worse.of(u), Previews: e.previews.previewed(u), Unread: !e.previews.read && e.cfg.References != nil,
		Facts: render.Facts{Revisions: map[string]render.Fact{}, Routed: map[string]render.Routed{}, Starts: c.startFacts(u)},
	}
	in.Directory = e.directory
	ns := u.namespace()
	for _, name := range u.configurations {
		key := configurationKey{ns, name}
		if w, ok := e.latest[key]; ok {
			in.Latest[name] = w.workload()
		}
		for _, r := range c.of(key) {
			in.Facts.Revisions[r.key.name] = r.fact()
		}
	}
	for _, r := range u.nouns.Routes {
		if object, ok := c.live[virtualService(r)]; ok && object.Ours {
			in.Facts.Routed[r.Name] = routed(object)
		}
		for _, t := range r.Targets {
			if t.Revision == "" {
				continue
			}
			if rev, ok := c.names()[revisionKey{ns, t.Revision}]; ok {
				in.Facts.Revisions[t.Revision] = rev.fact()
			}
			if configuration, w, ok := e.freeTarget(ns, t); ok {
				in.Latest[configuration] = w.workload()
			}
		}
	}
	return in
}

// freeTarget is the newest workload of the configuration that a free-standing
// Route's revision target may belong to, the one whose name its own begins
// with.
func (e *Engine) freeTarget(ns string, t desired.Target) (configuration string, w latest, ok bool) {
	if i := strings.LastIndexByte(t.Revision, '-'); i > 0 {
		configuration = t.Revision[:i]
	}
	w, ok = e.latest[configurationKey{ns, configuration}]
	return configuration, w, ok
}

func virtualService(r desired.Route) manifest.ID {
	return manifest.ID{APIVersion: "networking.istio.io/v1", Kind: "VirtualService", Namespace: r.Namespace, Name: r.Name}
}

// fingerprint appends bytes that differ where a unit's inputs, beside its
// nouns, differ. It is made in every pass, for every unit.
func (e *Engine) fingerprint(b []byte, u *unit, c cluster) []byte {
	b = append(b, '.') // of a unit that depends on nothing too
	b = append(b, u.around...)
	b = c.startPrint(e.printBuilds(b, u, c), u)
	ns := u.namespace()
	for _, name := range u.configurations {
		key := configurationKey{ns, name}
		if w, ok := e.latest[key]; ok {
			b = appendTexts(b, "latest", name, w.revision)
		}
		for _, r := range c.of(key) {
			b = r.print(b)
		}
	}
	b = e.previews.print(e.worse.print(strconv.AppendBool(b, e.previews.read), u), u)
	for _, r := range u.nouns.Routes {
		if object, ok := c.live[virtualService(r)]; ok && object.Ours {
			b = appendTexts(b, "routed", r.Name, object.ResourceVersion)
		}
		for _, t := range r.Targets {
			if t.Revision == "" {
				b = e.refPrint(b, u, r, t)
				continue
			}
			b = appendTexts(b, "pinned", t.Revision, e.snapshot.Commit.Hash) // its name may be one of history's
			if rev, ok := c.names()[revisionKey{ns, t.Revision}]; ok {
				b = rev.print(b)
			}
			if configuration, w, ok := e.freeTarget(ns, t); ok {
				b = appendTexts(b, "latest", configuration, w.revision)
			}
		}
	}
	return b
}

// print appends what render is told of a revision.
func (r *revision) print(b []byte) []byte {
	return appendTexts(strconv.AppendBool(b, r.ready), r.key.name, r.reason, r.message, r.preview)
}

// appendTexts appends texts in such a way that no other texts look the same.
func appendTexts(b []byte, all ...string) []byte {
	for _, text := range all {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	return b
}

// retains says which live objects stay although the newest commit does not
// describe them: all of every revision of a configuration that it still describes,
// every revision that a route can reach, and what units ask to keep.
func (e *Engine) retains(c cluster) func(*plan.Object) bool {
	keepsJob := e.keepsJob(c)
	reachable := sync.OnceValue(e.reachable)
	collected := e.collectable(c)
	kept := map[manifest.ID]bool{}
	for _, u := range e.units {
		for _, id := range u.result.Keep {
			kept[id] = true
		}
	}
	return func(o *plan.Object) bool {
		if o.ID.KindOf() == build.JobKind {
			return kept[o.ID] || keepsJob(o)
		}
		if kept[o.ID] || o.Labels[contract.LabelRevision] == "" {
			return kept[o.ID]
		}
		if collected[revisionKey{o.ID.Namespace, o.Labels[contract.LabelRevision]}] {
			return false
		}
		_, described := e.latest[configurationKey{o.ID.Namespace, o.Labels[contract.LabelConfiguration]}]
		return described && o.Annotations[contract.AnnotationPreview] == "" || reachable()[revisionKey{o.ID.Namespace, o.Labels[contract.LabelRevision]}]
	}
}

// reachable are the revisions that a route can send to.
func (e *Engine) reachable() map[revisionKey]bool {
	out := map[revisionKey]bool{}
	for _, u := range e.units {
		for _, routing := range u.result.Routes {
			for _, s := range routing.Shares {
				out[revisionKey{routing.Namespace, s.Revision}] = true
			}
		}
	}
	return out
}
