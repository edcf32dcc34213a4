// Package kube tells the data plane what the cluster holds: the pods of
// revisions, and the routes.
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
// watcher.go
package kube
