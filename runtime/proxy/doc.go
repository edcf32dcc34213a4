// Package proxy passes one request to one pod and the pod's answer back: the
// hot path that the gateway and the activator share.
//
// # In
//
// An [http.Request] as net/http read it, an [Upstream] (one pod's address and
// its open connections) and [Timeouts].
//
// # Out
//
// The pod's answer on the [http.ResponseWriter], or an error that [Answer]
// turns into an HTTP answer. The proxy does not know revisions, queues,
// Kubernetes or hosts, and it never retries on another pod: it says, by
// [Unsent], whether the caller may.
//
// # Reads
//
// proxy.go, then exchange.go (HTTP/1.1 and upgrades) and h2.go (h2c).
package proxy
