// Package plan decides what has to be done so that the cluster becomes what
// the repository says. It does nothing itself: asking for a plan commits to
// nothing.
//
// # In
//
// [Input]: the manifests, the live objects, what is broken in the repository.
//
// # Out
//
// [Plan]: Steps in the order they may run, each with its reason; and Holds,
// what is deliberately left alone and why.
//
// # Reads
//
// plan.go, then step.go for the words and prune.go for what is removed.
package plan
