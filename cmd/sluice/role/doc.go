// Package role is what a machine runs, and the only place where parts are
// wired: which applier for which kind, which repository for which settings.
//
// # In
//
// Flags, the settings that `sluice install` left in the cluster, the pod's
// own environment.
//
// # Out
//
// `sluice engine`, `sluice activator`, `sluice autoscaler` and the steps of builds; and the parts that verbs open.
//
// # Reads
//
// engine.go and activator.go; cluster.go opens a cluster for both and for the verbs.
package role
