package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/sluice-dev/sluice/engine/build"
	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// Builds is what an installation says of builds.
type Builds struct {
	Config build.Config
	// Ready are the templates that come with the platform.
	Ready []desired.TaskTemplate
}

// Sources is told which trees of the repository builds ask for, so that it
// can serve them. It is called from the loop and must not block.
type Sources interface {
	Offer(namespace, tree string, files []git.Entry)
}

// podKind is observed where there are builds: their pods carry our label.
var podKind = manifest.Kind{APIVersion: "v1", Kind: "Pod"}

// buildIndex is what is built at the current commit.
type buildIndex struct {
	tasks []*build.Resolved
	// owner is, of tasks whose inputs are the same in one namespace, the first.
	owner map[*build.Resolved]*build.Resolved
	// waiting are the revisions that wait for a task.
	waiting map[*build.Resolved][]revisionKey
	// of are the tasks as they are described, and templates what they were filled
	// in from.
	of        map[*build.Resolved]described
	templates build.Templates
}

// resolveBuilds finds out what every build of the commit is made from, and
// makes the workloads that wait for builds the revisions of that.
func (e *Engine) resolveBuilds() {
	e.builds = buildIndex{owner: map[*build.Resolved]*build.Resolved{}, waiting: map[*build.Resolved][]revisionKey{}, of: map[*build.Resolved]described{}}
	var templates []desired.TaskTemplate
	n := 0
	for _, u := range e.units {
		templates = append(templates, u.templates...)
		n += len(u.nouns.Tasks)
		u.unjoin()
	}
	if n == 0 {
		return
	}
	if e.cfg.Observer != nil {
		e.cfg.Observer.Watch(build.JobKind, podKind)
	}
	e.described = e.describedFiles()
	e.builds.templates = build.NewTemplates(templates, e.cfg.Builds.Ready)
	first := map[[2]string]*build.Resolved{}
	for _, u := range e.units {
		for _, task := range u.nouns.Tasks {
			r := build.Resolve(task, e.builds.templates, e.cfg.Builds.Config.Defaults, func(folder string) build.Tree { return e.folder(task.Namespace, folder) })
			r.Keep(e.cfg.Builds.Config)
			key := [2]string{task.Namespace, r.Inputs}
			first[key] = cmp.Or(first[key], &r)
			e.builds.tasks, e.builds.owner[&r], e.builds.of[&r] = append(e.builds.tasks, &r), first[key], described{u, task}
			u.tasks = append(u.tasks, &r)
		}
	}
	for _, u := range e.units {
		e.joinBuilds(u)
	}
}

// unjoin makes a unit what it is without any build.
func (u *unit) unjoin() {
	joined := len(u.uses) > 0
	u.uses, u.missing, u.tasks = nil, nil, nil
	if joined {
		for i, w := range u.desire().Workloads {
			u.nouns.Workloads[i].Revision = w.Revision
		}
	}
}

// joinBuilds finds the builds that a unit's workloads wait for.
func (e *Engine) joinBuilds(u *unit) {
	all := make([][]build.Use, len(u.nouns.Workloads))
	defer func() { u.uses = all }()
	for i, w := range u.desire().Workloads {
		uses, missing := build.Uses(w, e.builds.tasks)
		all[i], u.missing = uses, append(u.missing, missing...)
		joined := build.Join(w, uses)
		u.nouns.Workloads[i].Revision = joined.Revision
		for _, use := range uses {
			owner := e.builds.owner[use.Task]
			e.builds.waiting[owner] = append(e.builds.waiting[owner], revisionKey{w.Namespace, joined.Revision})
		}
	}
}

// folder is a folder of the repository for a build. The documents that describe
// the cluster are no part of it: a push that changes only those builds nothing.
func (e *Engine) folder(namespace, folder string) build.Tree {
	return e.offer(namespace, e.snapshot.Subtree(folder, func(path string) bool { return e.described[path] }), folder)
}

// offer has a folder served to the builds of a namespace, if it can be built.
func (e *Engine) offer(namespace string, t git.Subtree, folder string) build.Tree {
	out := build.Tree{Hash: t.Hash}
	switch i := slices.IndexFunc(t.Files, func(f git.Entry) bool { return f.Mode == git.Submodule }); {
	case len(t.Files) == 0 && folder == "":
		out.Problem = "the repository has no files beside those that describe the cluster"
	case len(t.Files) == 0:
		out.Problem = fmt.Sprintf("the repository has no folder %q, or no files in it: write one that it has", folder)
	case i >= 0:
		out.Problem = fmt.Sprintf("%s is a submodule, which is never fetched: commit the files themselves, or build from a folder without it", t.Files[i].Path)
	case t.Bytes >= e.cfg.Builds.Config.Limit():
		out.Problem = fmt.Sprintf("the files are %d MB together, and %d MB are too large: name the folder that is built as subPath, or keep what is large elsewhere", t.Bytes/1e6, e.cfg.Builds.Config.Limit()/1e6)
	}
	if out.Problem == "" && e.cfg.Sources != nil {
		e.cfg.Sources.Offer(namespace, t.Hash, t.Files)
	}
	return out
}

// describedFiles are the files that say, or said, something of the cluster.
func (e *Engine) describedFiles() map[string]bool {
	out := map[string]bool{load.SettingsPath: true}
	for _, f := range e.snapshot.Files {
		part := e.parts[partKey{f.Path, f.Blob, f.Mode}]
		if len(part.Entries) > 0 || part.Unreadable && f.Mode.IsFile() {
			out[f.Path] = true
		}
	}
	return out
}

// settleBuilds leaves of the input the workloads whose images there are, by
// their digests; the others wait.
func (e *Engine) settleBuilds(u *unit, c cluster, in *render.Unit) {
	if len(u.uses) == 0 {
		return
	}
	var ready []desired.Workload
	for i, w := range in.Nouns.Workloads {
		settled, ok := build.Settle(w, u.uses[i], runningImages(c, w), e.published(c))
		if ok && len(u.missing) == 0 {
			ready = append(ready, settled)
			continue
		}
		in.Facts.Revisions[w.Revision] = render.Fact{Message: "its image is being built"}
	}
	in.Nouns.Workloads = ready
}

// runningImages are those of a revision that is live, by container; nil if it
// is not.
func runningImages(c cluster, w desired.Workload) []string {
	o, ok := c.live[manifest.ID{APIVersion: "apps/v1", Kind: "Deployment", Namespace: w.Namespace, Name: w.Revision}]
	if !ok || !o.Ours || o.Terminating {
		return nil
	}
	var d appsv1.Deployment
	if json.Unmarshal(o.JSON, &d) != nil {
		return nil
	}
	images := []string{}
	for i := range d.Spec.Template.Spec.Containers {
		images = append(images, d.Spec.Template.Spec.Containers[i].Image)
	}
	return images
}

// addRuns adds the Jobs of a unit's builds to what it renders to: those that
// are to be there, and those of earlier inputs that are to end.
func (e *Engine) addRuns(u *unit, c cluster) {
	for _, r := range u.tasks {
		if u.err != nil {
			return
		}
		for _, t := range r.Troubles {
			u.result.Problems = append(u.result.Problems, render.Trouble{Path: t.Path, Text: t.Text})
		}
		if e.builds.owner[r] == r && len(r.Troubles) == 0 {
			u.err = e.addRun(u, c, r, e.snapshot.Commit.Hash)
		}
	}
	for _, t := range e.asidesOf(u) {
		if u.err == nil {
			u.err = e.addRun(u, c, t.Resolved, t.commit)
		}
	}
	for _, name := range u.missing {
		u.result.Problems = append(u.result.Problems, render.Trouble{
			Text: fmt.Sprintf("the build %q that it waits for is described nowhere in namespace %s: add it, or name another", name, u.namespace()),
		})
	}
}

func (e *Engine) addRun(u *unit, c cluster, r *build.Resolved, commit string) error {
	id := build.JobID(*r)
	object, live := c.live[id]
	live = live && object.Ours
	if live || e.wanted(c, r) {
		s := e.state(c, r)
		marks := build.Marks{Result: s.Result()}
		if s.Endless {
			marks.Stop = build.StopFailed
		}
		if r.Task.Cancelled {
			marks.Stop = "the build was cancelled"
		}
		m, err := build.Job(*r, e.buildConfig(), commit, live, marks, u.entry.Identity, u.entry.File)
		if err != nil {
			return err
		}
		u.result.Manifests = append(u.result.Manifests, m)
	}
	return e.supersede(u, c, r, id)
}

// wanted reports whether a run that is not there is to begin: not if it was
// cancelled, nor if all who wait for it run already.
func (e *Engine) wanted(c cluster, r *build.Resolved) bool {
	if r.Task.Cancelled {
		return false
	}
	waiting := e.builds.waiting[r]
	for _, t := range e.asides() {
		if t.Resolved == r {
			waiting = t.waiting
		}
	}
	return len(waiting) == 0 || slices.ContainsFunc(waiting, func(key revisionKey) bool {
		_, there := c.live[manifest.ID{APIVersion: "apps/v1", Kind: "Deployment", Namespace: key.namespace, Name: key.name}]
		return !there
	})
}

// supersede ends the runs of earlier inputs of the same build.
func (e *Engine) supersede(u *unit, c cluster, r *build.Resolved, current manifest.ID) error {
	for _, job := range c.runs.jobs {
		if job.ID.Namespace != r.Task.Namespace || job.Labels[contract.LabelBuild] != r.Task.Name || job.ID == current || e.current(job.ID) {
			continue
		}
		if c.runs.states[job.ID].Phase != build.Running {
			continue
		}
		m, err := build.Stopped(job.ID, r.Task.Name, job.Annotations[contract.AnnotationInputs], "superseded by newer inputs", e.buildConfig(), u.entry.Identity, u.entry.File)
		if err != nil {
			return err
		}
		u.result.Manifests = append(u.result.Manifests, m)
	}
	return nil
}

// current reports whether a Job is that of a task as it is now.
func (e *Engine) current(id manifest.ID) bool {
	return slices.ContainsFunc(e.builds.tasks, func(r *build.Resolved) bool { return e.jobOf(r) == id }) ||
		slices.ContainsFunc(e.asides(), func(t *asideTask) bool { return build.JobID(*t.Resolved) == id })
}

func (e *Engine) buildConfig() build.Config {
	c := e.cfg.Builds.Config
	c.ApplySet, c.Repository = e.cfg.Render.ApplySet, e.cfg.Name
	return c
}

// printBuilds appends what a unit's manifests depend on of builds.
func (e *Engine) printBuilds(b []byte, u *unit, c cluster) []byte {
	for _, uses := range u.uses {
		for _, use := range uses {
			b = appendState(b, use.Task, e.state(c, use.Task))
		}
	}
	b = e.printAside(b, u, c)
	for _, r := range u.tasks {
		b = appendState(b, r, e.state(c, r))
		if e.wanted(c, r) {
			b = append(b, 'w')
		}
		for _, job := range c.runs.jobs {
			if job.ID.Namespace == r.Task.Namespace && job.Labels[contract.LabelBuild] == r.Task.Name {
				b = appendTexts(b, job.ID.Name, strconv.Itoa(int(c.runs.states[job.ID].Phase)))
			}
		}
	}
	return b
}

func appendState(b []byte, r *build.Resolved, s build.State) []byte {
	b = appendTexts(b, "build", r.Inputs, s.Image, s.Reason)
	return append(b, byte('0'+s.Phase))
}

// buildReason says how a unit stands whose builds are not done: what it waits
// for, or why it will wait for ever.
func (e *Engine) buildReason(u *unit, c cluster) (failed bool, reason string) {
	check := func(r *build.Resolved) {
		s := e.state(c, r)
		name := r.Task.Name
		switch {
		case failed || s.Phase == build.Succeeded:
		case s.Phase == build.Failed:
			failed, reason = true, fmt.Sprintf("%s: %s", s.Reason, s.Message)
		case r.Task.Cancelled:
			failed, reason = true, "BuildCancelled: the build "+name+" was cancelled"
		case s.Phase == build.Absent && len(r.Troubles) == 0 && !e.wanted(c, r):
		case reason == "" && s.Phase == build.Absent:
			reason = "build " + name + " is about to begin"
		case reason == "":
			reason = "build " + name + ": " + s.Message
		}
	}
	for i, uses := range u.uses {
		if runningImages(c, u.nouns.Workloads[i]) != nil {
			continue
		}
		for _, use := range uses {
			check(use.Task)
		}
	}
	for _, r := range u.tasks {
		if !r.Task.Inline {
			check(r)
		}
	}
	return failed, reason
}
