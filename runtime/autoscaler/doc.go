// Package autoscaler gives every revision the pods that its requests need.
//
// # In
//
// Standing streams of reports from the activators (stat.Frame), and what the
// cluster holds: [Autoscaler.SetDeployment] and [Autoscaler.SetRoute] tell. The
// room does not know the API server: kube feeds it.
//
// # Out
//
// Calls of its [Scaler], acknowledgements on the streams, and the decisions
// with their reasons: [Autoscaler.Explain], [Autoscaler.Top] and metrics.
//
// A revision with something to decide has an actor, a goroutine that decides,
// writes, and waits for news; news that come while it writes are one. A
// revision that sleeps, or has what it is to have, is an entry of a map. All
// that is due later stands in one agenda.
//
// # Reads
//
// autoscaler.go (the parts), actor.go (a decision's way), report.go (what the
// activators said), facts.go (what the cluster holds), stream.go (HTTP).
package autoscaler
