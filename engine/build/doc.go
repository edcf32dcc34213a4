// Package build joins builds to the revisions that wait for them: what a build
// is made from, which Job runs it, what the cluster says of that Job, and what
// it means for a workload.
//
// # In
//
// desired.Tasks and templates, the trees of this repository, live Jobs and Pods.
//
// # Out
//
// [Resolved]: a task with its steps filled in and a hash of all it depends on;
// its Job as a manifest; the [State] of a run; workloads whose images are
// digests.
//
// # Reads
//
// resolve.go, join.go, then job.go and pod.go (what runs) and state.go (what
// became of it). signing.go keeps the key that signs from the steps.
package build
