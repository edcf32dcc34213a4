// Package cluster is the control plane of the one-machine cluster: etcd,
// kube-apiserver, kube-controller-manager and kube-scheduler as libraries in
// this process.
//
// # In
//
// A directory that keeps the data, a certificate authority, and an open
// listener for the API server.
//
// # Out
//
// Components for a stack.Stack, each ready when its function returns; an
// administrator's client configuration.
//
// Of Kubernetes' parts only those are on that one node on loopback can use; the
// lists in apiserver.go and controllers.go say which and why. A process can
// hold one cluster: Kubernetes keeps feature gates, metrics and configz in
// globals.
//
// # Reads
//
// cluster.go, then one file per component in the order they start.
package cluster
