package engine

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// summary is the report of a pass.
func (e *Engine) summary(c cluster, p plan.Plan) status.Report {
	r := status.Report{
		Repository: e.cfg.Name, Branch: e.cfg.Branch,
		Commit: e.snapshot.Commit.Hash, Subject: Subject(e.snapshot.Commit.Message), Author: e.snapshot.Commit.AuthorName,
		Rewritten: e.snapshot.Rewritten, Applied: e.applied,
		Problems: slices.Clone(e.tree.Problems), Holds: p.Holds, Previews: e.previewReport(c), Farewells: c.farewells,
	}
	if e.lookErr != nil {
		r.Error = e.lookErr.Error()
	}
	s := summarizer{engine: e, cluster: c, pending: pendingByUnit(p), before: sync.OnceValue(func() map[schema.Identity]status.Spec { return specsByIdentity(e.report) })}
	r.Specs = make([]status.Spec, 0, len(e.units)+len(e.tree.Broken))
	for _, u := range e.units {
		spec := s.spec(u)
		r.Specs = append(r.Specs, spec)
		r.Problems = append(r.Problems, troubles(u)...)
		r.Problems = append(r.Problems, e.tagTroubles(u, spec.Revisions)...)
	}
	for _, id := range e.tree.Broken {
		r.Specs = append(r.Specs, s.invalid(id))
	}
	r.Specs = append(r.Specs, s.held(r.Specs, p.Holds)...)
	slices.SortFunc(r.Specs, func(a, b status.Spec) int { return a.Identity.Compare(b.Identity) })
	slices.SortFunc(r.Problems, schema.Problem.Compare)
	r.State = status.Worst(r.Specs, r.Problems)
	if r.State != status.Invalid && slices.ContainsFunc(r.Farewells, status.Farewell.Failed) {
		r.State = status.Failed
	}
	if r.Error != "" && r.State == status.Ready {
		r.State = status.Failed
	}
	return r
}

// summarizer is what all specs of one report share.
type summarizer struct {
	engine  *Engine
	cluster cluster
	pending map[schema.Identity][]plan.Step
	// before is the last report, indexed when first asked for.
	before func() map[schema.Identity]status.Spec
}

// spec is the state of a good spec.
func (s summarizer) spec(u *unit) status.Spec {
	out := status.Spec{Identity: u.entry.Identity, File: u.entry.File, State: status.Ready}
	out.Commit = s.commit(u)
	out.Revisions = s.revisions(u)
	out.Traffic = s.traffic(u)
	out.Rollouts = rollouts(u)
	for _, m := range u.nouns.Domains {
		out.URL = scheme(m.TLSSecret != "" || m.Redirect) + m.Host
	}
	for _, r := range u.nouns.Routes {
		if !r.ClusterLocal {
			out.URL = scheme(r.Redirect) + s.engine.cfg.Render.Host(r.Namespace, r.Name, "")
		}
	}
	for _, ch := range u.nouns.Channels {
		out.URL = contract.ChannelURL(ch.Namespace, ch.Name)
	}
	out.State, out.Reason = s.state(u, out.Revisions)
	return out
}

// state finds the worst that is to be said of a spec.
func (s summarizer) state(u *unit, revisions []status.Revision) (status.State, string) {
	if u.err != nil {
		return status.Failed, u.err.Error()
	}
	if u.clash != "" {
		return status.Failed, u.clash
	}
	if len(u.result.Problems) > 0 {
		return status.Failed, u.result.Problems[0].Text
	}
	for _, unmet := range u.result.Unmet {
		if unmet.Severity == schema.Error {
			return status.Failed, unmet.Text
		}
	}
	failed, building := s.engine.buildReason(u, s.cluster)
	if failed {
		return status.Failed, s.staying(u, building)
	}
	for _, step := range s.pending[u.entry.Identity] {
		if t, failed := s.engine.tries[step.ID]; failed {
			return status.Failed, t.err.Error()
		}
	}
	if why := held(u); why != "" {
		return status.Failed, why
	}
	if building != "" {
		return status.Progressing, s.staying(u, building)
	}
	var waiting []string
	for _, routing := range u.result.Routes {
		if routing.Waiting != "" {
			waiting = append(waiting, routing.Waiting)
		}
	}
	for _, r := range revisions {
		if r.Latest && r.Reason != "" {
			return status.Failed, firstOf(waiting, "revision "+r.Name+": "+r.Reason)
		}
	}
	for _, r := range revisions {
		if r.Latest && !r.Ready {
			return status.Progressing, firstOf(waiting, "revision "+r.Name+" is not ready yet")
		}
	}
	if len(waiting) > 0 {
		return status.Progressing, strings.Join(waiting, "; ")
	}
	if len(u.nouns.Emitters)+len(u.nouns.Feeds)+len(u.nouns.Buses) > 0 {
		return s.source(u)
	}
	if len(u.nouns.Workloads) > 0 && len(revisions) == 0 {
		return status.Progressing, "its revision is being created"
	}
	return status.Ready, ""
}

// staying adds to why a build is not done where requests go meanwhile.
func (s summarizer) staying(u *unit, reason string) string {
	for _, routing := range u.result.Routes {
		for _, share := range routing.Shares {
			return reason + "; traffic stays on " + share.Revision
		}
	}
	return reason
}

func firstOf(list []string, otherwise string) string {
	if len(list) > 0 {
		return strings.Join(list, "; ")
	}
	return otherwise
}

// commit is the one that last changed what the spec applies.
func (s summarizer) commit(u *unit) string {
	commit := ""
	for i := range u.result.Manifests {
		m := &u.result.Manifests[i]
		object, ok := s.cluster.live[m.ID]
		if !ok || object.Digest != m.Digest {
			continue
		}
		if m.Stage == manifest.Traffic || commit == "" {
			commit = object.Commit
		}
	}
	return cmp.Or(commit, s.engine.snapshot.Commit.Hash)
}

// revisions are those of the unit's own configurations, the described one
// first, then by age.
func (s summarizer) revisions(u *unit) []status.Revision {
	var out []status.Revision
	for _, w := range u.nouns.Workloads {
		all := slices.Clone(s.cluster.of(configurationKey{w.Namespace, w.Configuration}))
		slices.SortFunc(all, func(a, b *revision) int {
			return cmp.Or(
				-cmp.Compare(b2i(a.key.name == w.Revision), b2i(b.key.name == w.Revision)),
				b.created.Compare(a.created), cmp.Compare(a.key.name, b.key.name))
		})
		for _, r := range all {
			out = append(out, status.Revision{
				Name: r.key.name, Ready: r.ready, Latest: r.key.name == w.Revision,
				Reason: troubleText(r), Replicas: r.replicas, LastActivation: status.Activation(r.activation),
			})
		}
	}
	return out
}

// traffic is what the unit's VirtualServices say: what was decided once it
// was written, and what stood in the last report until then.
func (s summarizer) traffic(u *unit) []status.Share {
	var out []status.Share
	for i, routing := range u.result.Routes {
		live, written := s.written(u, u.nouns.Routes[i].Namespace, u.nouns.Routes[i].Name)
		if !written {
			return s.before()[u.entry.Identity].Traffic
		}
		for _, share := range routing.Shares {
			next := s.share(u.nouns.Routes[i], routing, share)
			next.Commit = since(next, s.before()[u.entry.Identity].Traffic, live.Commit)
			out = append(out, next)
		}
	}
	return out
}

// since is the commit since which a share is as it is: as reported before, or
// the one that its route was written for last.
func since(share status.Share, before []status.Share, written string) string {
	for _, b := range before {
		if b.Revision == share.Revision && b.Tag == share.Tag && b.Percent == share.Percent && b.Commit != "" {
			return b.Commit
		}
	}
	return written
}

func (s summarizer) share(r desired.Route, routing render.Routing, share render.Share) status.Share {
	out := status.Share{Revision: share.Revision, Percent: share.Percent, Tag: share.Tag, Latest: share.Latest}
	if share.Tag != "" && !r.ClusterLocal {
		out.URL = scheme(r.Redirect) + s.engine.cfg.Render.Host(routing.Namespace, routing.Route, share.Tag)
	}
	return out
}

// scheme is how a URL begins.
func scheme(secure bool) string {
	if secure {
		return "https://"
	}
	return "http://"
}

// written is the route's VirtualService, and reports whether it is as it was
// rendered.
func (s summarizer) written(u *unit, namespace, name string) (plan.Object, bool) {
	for i := range u.result.Manifests {
		m := &u.result.Manifests[i]
		if m.Stage == manifest.Traffic && m.ID.Namespace == namespace && m.ID.Name == name {
			live := s.cluster.live.Of(m.ID)
			return live, live.Digest == m.Digest
		}
	}
	return plan.Object{}, false
}

// invalid is the state of a spec whose document has errors: what stood before
// still stands.
func (s summarizer) invalid(id schema.Identity) status.Spec {
	out := s.before()[id]
	out.Identity, out.State = id, status.Invalid
	for _, p := range s.engine.tree.Problems {
		if p.Identity == id && p.Severity == schema.Error {
			out.File, out.Reason = p.File, p.String()
			break
		}
	}
	return out
}

// held are the specs that no document describes now and that stay all the
// same, beside those that are in the report already.
func (s summarizer) held(already []status.Spec, holds []plan.Hold) []status.Spec {
	if len(holds) == 0 {
		return nil
	}
	seen := map[schema.Identity]bool{}
	for i := range already {
		seen[already[i].Identity] = true
	}
	var out []status.Spec
	for _, h := range holds {
		if h.Wait > 0 || h.Unit.IsZero() || seen[h.Unit] {
			continue
		}
		seen[h.Unit] = true
		spec := s.before()[h.Unit]
		spec.Identity, spec.File, spec.Reason, spec.State = h.Unit, h.File, h.Reason, status.Failed
		if h.Broken {
			spec.State = status.Invalid
		}
		out = append(out, spec)
	}
	return out
}

// troubles are a unit's late problems, with the position of its document.
func troubles(u *unit) []schema.Problem {
	var out []schema.Problem
	for _, t := range u.result.Problems {
		out = append(out, schema.Problem{
			File: u.entry.File, Line: u.entry.Line, Column: u.entry.Column,
			Path: t.Path, Text: t.Text, Identity: u.entry.Identity,
		})
	}
	for _, t := range u.result.Unmet {
		out = append(out, schema.Problem{
			File: u.entry.File, Line: cmp.Or(t.Place.Line, u.entry.Line), Column: cmp.Or(t.Place.Column, u.entry.Column),
			Path: t.Place.Path, Text: t.Text, Severity: t.Severity, Identity: u.entry.Identity,
		})
	}
	return out
}

func pendingByUnit(p plan.Plan) map[schema.Identity][]plan.Step {
	out := map[schema.Identity][]plan.Step{}
	for _, step := range p.Steps {
		out[step.Unit] = append(out[step.Unit], step)
	}
	return out
}

func specsByIdentity(r status.Report) map[schema.Identity]status.Spec {
	out := make(map[schema.Identity]status.Spec, len(r.Specs))
	for _, spec := range r.Specs {
		out[spec.Identity] = spec
	}
	return out
}

// troubleText is what is wrong with a revision; empty where nothing is.
func troubleText(r *revision) string {
	if r.reason == "" || r.message == "" {
		return r.reason
	}
	return r.reason + ": " + r.message
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
