// Package istio writes Istio's objects through its typed client.
//
// # In
//
// A VirtualService or Gateway as an applier of appliers/kubernetes sends it.
//
// # Out
//
// The stored object, or a refusal: what Istio's own types do not know never
// leaves the process, even where the cluster's CRD would keep silent about it.
//
// # Ownership
//
// The [Writer] has no policy of its own. appliers/kubernetes.Applier decides
// what is created, taken over, updated or left alone, for these kinds as for
// all others.
//
// # Reads
//
// writer.go.
package istio
