// Package usage serves the metrics API, metrics.k8s.io/v1beta1: how much CPU
// and memory the node and its pods use, to `kubectl top` and to
// HorizontalPodAutoscalers.
//
// # In
//
// A Source that counts; the pods and nodes of the API server, which also says
// who may ask.
//
// # Out
//
// An HTTP server that lets the API server alone in, and the APIService that
// makes it part of the cluster's API.
//
// Nothing happens while nobody asks: a sample is taken for a question, at most
// one a second. How much CPU is used per second is told of the time since the
// question before, if that was within the last minute; else since the
// container's start, or the machine's. The window that stands beside it says so.
//
// # Reads
//
// reading.go and rate.go are the arithmetic, sampler.go asks the source,
// server.go answers, register.go makes it known. kubelet.go is one source; the
// process node is the other.
package usage
