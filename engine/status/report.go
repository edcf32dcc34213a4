package status

import (
	"slices"
	"time"

	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema"
)

// State is how a spec, or a whole repository, stands.
type State string

const (
	// Ready is as the repository describes it.
	Ready State = "Ready"
	// Progressing is on its way; nothing is wrong.
	Progressing State = "Progressing"
	// Failed needs somebody: what was there before is still there.
	Failed State = "Failed"
	// Invalid is a document with errors: what was there before is still there.
	Invalid State = "Invalid"
)

// Report is the state of one repository in one cluster.
type Report struct {
	// Repository (without credentials) and Branch are what is watched.
	Repository string `json:"repository"`
	Branch     string `json:"branch"`
	// Commit is the newest that was read; Subject and Author are its own.
	Commit  string `json:"commit,omitempty"`
	Subject string `json:"subject,omitempty"`
	Author  string `json:"author,omitempty"`
	// Rewritten: the branch was force-pushed to Commit.
	Rewritten bool `json:"rewritten,omitempty"`
	// Applied is when the last write for Commit was done.
	Applied time.Time `json:"applied,omitzero"`
	// State is the worst of all specs.
	State State `json:"state"`
	// Error is what keeps the engine from its work as a whole: the remote is
	// away, the API server does not answer.
	Error string `json:"error,omitempty"`
	// Specs are sorted by identity.
	Specs []Spec `json:"specs,omitempty"`
	// Previews are refs beside the branch, the newest first.
	Previews []Preview `json:"previews,omitempty"`
	// Farewells are under way or have failed: what deleted specs have outside the
	// cluster is still there.
	Farewells []Farewell `json:"farewells,omitempty"`
	// Problems are what `sluice validate` says of Commit.
	Problems []schema.Problem `json:"problems,omitempty"`
	// Holds are what is deliberately left alone.
	Holds []plan.Hold `json:"holds,omitempty"`
	// Cut: there are more problems or specs than could be stored.
	Cut bool `json:"cut,omitempty"`
}

// Spec is the state of one spec.
type Spec struct {
	Identity schema.Identity `json:"identity"`
	File     string          `json:"file,omitempty"`
	// Commit last changed what the spec applies.
	Commit string `json:"commit,omitempty"`
	State  State  `json:"state"`
	// Reason says what it waits for or what is wrong; empty if Ready.
	Reason string `json:"reason,omitempty"`
	// URL answers, for specs with a route.
	URL string `json:"url,omitempty"`
	// Revisions that exist, the newest described one first.
	Revisions []Revision `json:"revisions,omitempty"`
	// Traffic sums to 100 percent.
	Traffic []Share `json:"traffic,omitempty"`
	// Rollouts are shares that move in steps, or are held back.
	Rollouts []Rollout `json:"rollouts,omitempty"`
}

// Revision is one revision in the cluster.
type Revision struct {
	Name  string `json:"name"`
	Ready bool   `json:"ready"`
	// Latest: the repository describes it now.
	Latest bool `json:"latest,omitempty"`
	// Reason says why it is not ready, or in what trouble it is.
	Reason string `json:"reason,omitempty"`
	// Replicas is how many pods it has, as Kubernetes reports.
	Replicas int32 `json:"replicas"`
	// LastActivation is how it went when it had to get its first pod.
	LastActivation Activation `json:"lastActivation,omitzero"`
}

// Activation is how it went when a revision had to get its first pod. It says
// nothing of the next time.
type Activation struct {
	// Result is Succeeded or Failed; Error is why.
	Result string `json:"result"`
	Error  string `json:"error,omitempty"`
	// At is when that was seen.
	At time.Time `json:"at"`
}

// Share is what a revision gets of the spec's requests.
type Share struct {
	Revision string `json:"revision"`
	Percent  int64  `json:"percent"`
	Tag      string `json:"tag,omitempty"`
	Latest   bool   `json:"latest,omitempty"`
	URL      string `json:"url,omitempty"`
	// Commit is the one since which it is so.
	Commit string `json:"commit,omitempty"`
}

// order ranks states, the worst last.
var order = []State{Ready, Progressing, Failed, Invalid}

// Worst is the worst state among the specs and problems.
func Worst(specs []Spec, problems []schema.Problem) State {
	worst := Ready
	for i := range specs {
		if slices.Index(order, specs[i].State) > slices.Index(order, worst) {
			worst = specs[i].State
		}
	}
	if schema.HasErrors(problems) {
		worst = Invalid
	}
	return worst
}

// Equal reports whether two reports say the same.
func Equal(a, b Report) bool {
	return a.Repository == b.Repository && a.Branch == b.Branch && a.Commit == b.Commit &&
		a.Rewritten == b.Rewritten && a.State == b.State && a.Error == b.Error &&
		a.Applied.Equal(b.Applied) &&
		slices.EqualFunc(a.Specs, b.Specs, equalSpec) &&
		slices.Equal(a.Problems, b.Problems) &&
		slices.Equal(a.Farewells, b.Farewells) &&
		slices.EqualFunc(a.Previews, b.Previews, Preview.equal) &&
		slices.EqualFunc(a.Holds, b.Holds, func(x, y plan.Hold) bool { return x.ID == y.ID && x.Reason == y.Reason })
}

func equalSpec(a, b Spec) bool {
	return a.Identity == b.Identity && a.File == b.File && a.Commit == b.Commit && a.State == b.State &&
		a.Reason == b.Reason && a.URL == b.URL &&
		slices.Equal(a.Revisions, b.Revisions) && slices.Equal(a.Traffic, b.Traffic) &&
		slices.EqualFunc(a.Rollouts, b.Rollouts, Rollout.equal)
}
