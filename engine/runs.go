package engine

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/engine/build"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

// runs are the live Jobs of builds and their pods.
type runs struct {
	jobs []*plan.Object
	pods map[manifest.ID][]*plan.Object
	// states are the jobs' own, by name.
	states map[manifest.ID]build.State
}

// readRuns finds the runs among the live objects; none where nothing is built.
func (e *Engine) readRuns(live plan.Live) runs {
	out := runs{pods: map[manifest.ID][]*plan.Object{}, states: map[manifest.ID]build.State{}}
	if len(e.builds.tasks) == 0 {
		return out
	}
	for id, o := range live {
		switch {
		case id.KindOf() == build.JobKind && o.Ours && !o.Terminating:
			out.jobs = append(out.jobs, o)
		case id.KindOf() == podKind && o.Labels["batch.kubernetes.io/job-name"] != "":
			job := manifest.ID{APIVersion: build.JobKind.APIVersion, Kind: build.JobKind.Kind, Namespace: id.Namespace, Name: o.Labels["batch.kubernetes.io/job-name"]}
			out.pods[job] = append(out.pods[job], o)
		}
	}
	slices.SortFunc(out.jobs, func(a, b *plan.Object) int { return a.ID.Compare(b.ID) })
	for _, job := range out.jobs {
		out.states[job.ID] = build.Read(job, out.pods[job.ID])
	}
	return out
}

// state is what the cluster knows of a task's run.
func (e *Engine) state(c cluster, r *build.Resolved) build.State {
	return c.runs.states[e.jobOf(r)]
}

// jobOf is the Job of a task: that of the first of the same inputs.
func (e *Engine) jobOf(r *build.Resolved) manifest.ID {
	if owner := e.builds.owner[r]; owner != nil {
		r = owner
	}
	return build.JobID(*r)
}

// jobsKept is how many runs of a build stay, for their logs and results.
const jobsKept = 5

// keepsJob says which runs stay although nothing renders them: the newest of
// each build that is still described.
func (e *Engine) keepsJob(c cluster) func(*plan.Object) bool {
	described := map[[2]string]bool{}
	for _, r := range e.builds.tasks {
		described[[2]string{r.Task.Namespace, r.Task.Name}] = true
	}
	newer := map[[2]string]int{}
	kept := map[manifest.ID]bool{}
	jobs := slices.Clone(c.runs.jobs)
	slices.SortFunc(jobs, func(a, b *plan.Object) int {
		return cmp.Or(-strings.Compare(createdAt(a), createdAt(b)), a.ID.Compare(b.ID))
	})
	for _, job := range jobs {
		key := [2]string{job.ID.Namespace, job.Labels[contract.LabelBuild]}
		newer[key]++
		kept[job.ID] = described[key] && newer[key] <= jobsKept
	}
	return func(o *plan.Object) bool { return kept[o.ID] }
}

// createdAt is an object's creation time as the API server writes it, which sorts.
func createdAt(o *plan.Object) string {
	var head struct {
		Metadata struct{ CreationTimestamp string } `json:"metadata"`
	}
	_ = json.Unmarshal(o.JSON, &head) // of what cannot be read nobody knows its age
	return head.Metadata.CreationTimestamp
}
