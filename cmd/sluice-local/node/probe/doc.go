// Package probe asks a process whether it is well: by HTTP, TCP, gRPC or a
// command beside it.
//
// # In
//
// A probe as Kubernetes spells it, and where the pod listens.
//
// # Out
//
// nil, or the reason why the answer is no.
//
// # Reads
//
// probe.go is all there is.
package probe
