package engine

import (
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/engine/build"
	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/schema/desired"
)

// aside are builds of the branch that run on the sources of other Git refs.
type aside struct {
	tasks []*asideTask
	// uses are, for each revision that a ref describes, the builds it waits for.
	uses map[revisionKey][]build.Use
}

// asideTask is one of them.
type asideTask struct {
	*build.Resolved
	// unit describes the build, commit is what is built.
	unit    *unit
	commit  string
	waiting []revisionKey
}

// described is a build as it is described.
type described struct {
	unit *unit
	task desired.Task
}

// otherTree is the tree of a ref beside the branch.
type otherTree struct {
	snapshot git.Snapshot
	// tag is the ref's, for images; touches says whether it has changed
	// anything of a folder, specs which files describe something of the cluster.
	tag     string
	touches func(folder string) bool
	specs   map[string]bool
}

// join makes a workload that a ref describes the revision of what it is built
// from: of the ref's own sources, where it has changed them. problem says why
// it cannot be built.
func (e *Engine) join(a *aside, w desired.Workload, at otherTree) (joined desired.Workload, problem string) {
	uses, missing := build.Uses(w, e.builds.tasks)
	if len(missing) > 0 {
		return w, "it waits for the build " + missing[0] + ", which the trusted branch does not describe"
	}
	var own []*asideTask
	for i, use := range uses {
		origin := e.builds.of[use.Task]
		if !slices.ContainsFunc(origin.task.Sources, func(s desired.TaskSource) bool { return isHere(s) && at.touches(s.SubPath) }) {
			continue
		}
		t, shared := e.asideTask(a, origin, at)
		if len(t.Troubles) > 0 {
			return w, "build " + t.Task.Name + ": " + t.Troubles[0].Text
		}
		if uses[i].Task = t.Resolved; !shared {
			own = append(own, t)
		}
	}
	joined = build.Join(w, uses)
	if len(uses) == 0 {
		return joined, ""
	}
	key := revisionKey{w.Namespace, joined.Revision}
	if a.uses == nil {
		a.uses = map[revisionKey][]build.Use{}
	}
	a.uses[key] = uses
	for _, t := range own {
		t.waiting = append(t.waiting, key)
	}
	return joined, ""
}

func isHere(s desired.TaskSource) bool { return s.Git != nil && s.Git.URL == desired.Here }

// asideTask is a build on a ref's sources; the branch's own, which is shared,
// if that has the same inputs.
func (e *Engine) asideTask(a *aside, origin described, at otherTree) (t *asideTask, shared bool) {
	r := build.ResolveAside(origin.task, e.builds.templates, e.cfg.Builds.Config, at.tag, func(folder string) build.Tree {
		skip := func(path string) bool { return e.described[path] || at.specs[path] }
		return e.offer(origin.task.Namespace, at.snapshot.Subtree(folder, skip), folder)
	})
	same := func(other *build.Resolved) bool {
		return other.Task.Namespace == r.Task.Namespace && other.Task.Name == r.Task.Name && other.Inputs == r.Inputs
	}
	for _, task := range e.builds.tasks {
		if same(task) {
			return &asideTask{Resolved: task}, true
		}
	}
	for _, known := range a.tasks {
		if same(known.Resolved) {
			return known, false
		}
	}
	t = &asideTask{Resolved: &r, unit: origin.unit, commit: at.snapshot.Commit.Hash}
	if len(r.Troubles) == 0 {
		a.tasks = append(a.tasks, t)
	}
	return t, false
}

// asides are all builds on the sources of other refs.
func (e *Engine) asides() []*asideTask {
	return append(slices.Clip(e.previews.aside.tasks), e.refs.aside.tasks...)
}

// asidesOf are those of a unit's builds.
func (e *Engine) asidesOf(u *unit) []*asideTask {
	return slices.DeleteFunc(slices.Clone(e.asides()), func(t *asideTask) bool { return t.unit != u })
}

// usesOf are the builds that a revision of another ref waits for.
func (e *Engine) usesOf(key revisionKey) []build.Use {
	if uses, ok := e.previews.aside.uses[key]; ok {
		return uses
	}
	return e.refs.aside.uses[key]
}

// settleAside gives what other refs describe the digests of its images; what
// is not built yet waits.
func (e *Engine) settleAside(u *unit, c cluster, in *render.Unit) {
	settle := func(w desired.Workload) (desired.Workload, bool) {
		uses := e.usesOf(revisionKey{w.Namespace, w.Revision})
		if len(uses) == 0 {
			return w, true
		}
		return build.Settle(w, uses, runningImages(c, w), e.published(c))
	}
	for i := range in.Previews {
		if i == 0 {
			in.Previews = slices.Clone(in.Previews)
		}
		w, done := settle(in.Previews[i].Workload)
		in.Previews[i].Workload, in.Previews[i].Waits = w, !done
	}
	for name, ref := range in.Refs {
		if ref.Workload == nil {
			continue
		}
		w, done := settle(*ref.Workload)
		if ref.Workload = &w; !done {
			ref.Waits = e.asideReason(c, revisionKey{w.Namespace, w.Revision}).text
		}
		in.Refs[name] = ref
	}
}

// published says which image a build has made, if it is done.
func (e *Engine) published(c cluster) func(*build.Resolved) (string, bool) {
	return func(r *build.Resolved) (string, bool) {
		s := e.state(c, r)
		return s.Image, s.Phase == build.Succeeded || e.assume
	}
}

// building says how far the builds of a revision are.
type building struct {
	text   string
	failed bool
}

// asideReason says what a revision of another ref waits for; nothing if it
// waits for no build.
func (e *Engine) asideReason(c cluster, key revisionKey) building {
	var out building
	for _, use := range e.usesOf(key) {
		switch s := e.state(c, use.Task); {
		case s.Phase == build.Failed:
			return building{s.Reason + ": " + s.Message, true}
		case s.Phase == build.Absent:
			out.text = "build " + use.Task.Task.Name + " is about to begin"
		case s.Phase == build.Running:
			out.text = "build " + use.Task.Task.Name + ": " + s.Message
		}
	}
	return out
}

// printAside appends what a unit's manifests depend on of builds for other refs.
func (e *Engine) printAside(b []byte, u *unit, c cluster) []byte {
	if len(e.previews.aside.uses)+len(e.refs.aside.uses) == 0 {
		return b
	}
	for _, t := range e.asides() {
		if t.unit == u {
			b = appendTexts(appendState(b, t.Resolved, e.state(c, t.Resolved)), t.commit)
			if e.wanted(c, t.Resolved) {
				b = append(b, 'w')
			}
		}
	}
	for _, p := range e.previews.previewed(u) {
		for _, use := range e.usesOf(revisionKey{p.Workload.Namespace, p.Workload.Revision}) {
			b = appendState(b, use.Task, e.state(c, use.Task))
		}
	}
	for _, ref := range e.refsOf(u) {
		if ref.Workload != nil {
			for _, use := range e.usesOf(revisionKey{ref.Workload.Namespace, ref.Workload.Revision}) {
				b = appendState(b, use.Task, e.state(c, use.Task))
			}
		}
	}
	return b
}

// isSource reports whether a build of the branch is made from a file.
func (e *Engine) isSource(path string) bool {
	for _, of := range e.builds.of {
		for _, s := range of.task.Sources {
			if isHere(s) && within(s.SubPath, path) {
				return true
			}
		}
	}
	return false
}

// within reports whether a path is in a folder, empty for the root.
func within(folder, path string) bool { return folder == "" || strings.HasPrefix(path, folder+"/") }
