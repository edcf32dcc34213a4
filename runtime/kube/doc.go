// Package kube tells the data plane what the cluster holds: the pods of
// revisions, the routes, the Deployments that are scaled, who leads; and it
// writes how many pods a revision is to have.
//
// # In
//
// The API server, watched. A connection that breaks is made anew, for ever.
//
// # Out
//
// Calls of [Pods] and [Routes], one at a time for each, with objects that
// carry only what the data plane reads. The room decides nothing.
//
// # Reads
//
// watched.go, then watcher.go for the activator, autoscaling.go and scaler.go for the
// autoscaler, leader.go for who finds whom.
package kube
