// Package desired holds the few nouns that every kind lowers to. What a user
// may write grows; what the engine has to render does not.
//
// # In
//
// A validated spec that implements [Source].
//
// # Out
//
// [Nouns]: Workloads (revisions), Routes, plain Objects, and Tasks (builds) with
// the Templates they are made from.
//
// # Reads
//
// workload.go, route.go and task.go. The room knows neither YAML nor Kubernetes
// objects other than the pod's own spec, which is the users' vocabulary.
package desired
