// Package activator holds every request until a pod of its revision can take
// it, and sends it there: one first-in-first-out queue per revision, exact
// counts of what is in flight per pod.
//
// # In
//
// Requests that name their revision in the headers of schema/contract (set by
// the gateway, in this process or in Istio), and the revisions' pods, as
// [Activator.SetPod] and [Activator.DeletePod] tell.
//
// # Out
//
// The pod's answer, or 503 with Retry-After (the queue is full; no pod came in
// time), or 504 (Knative's three timers). Where a revision has no pod, its
// [Waker] is told. The room does not know Kubernetes' API server: kube feeds it.
//
// # Reads
//
// handler.go (a request's way), queue.go (claim and release), lane.go (the same
// without the lock, where there is one pod), pods.go (which
// pods there are), prober.go (when one is usable), server.go (the process).
package activator
