// Package kubernetes sends what happens to objects of the cluster.
//
// # In
//
// A contract.KubernetesSource: kinds, namespaces, a selector, an owner, a mode.
//
// # Out
//
// One event per change, from the moment the source began: what was there before
// is not sent, and a watch that breaks goes on at the last resourceVersion; so does
// a source that is started again, where it is remembered.
// Where that is too old for the server, what has changed since is sent from a
// list. An event's id is the object's uid and resourceVersion: each change has
// its own, and a change that is seen twice has one.
//
// # Reads
//
// kubernetes.go finds the resources, watch.go follows one, event.go is pure.
package kubernetes
