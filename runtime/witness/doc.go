// Package witness sees requests go by, where somebody wants to know of each:
// the request log and the traces.
//
// # In
//
// Requests on their way to the gateway, and what an operator asked for.
//
// # Out
//
// A line for each request; a span for each, sent by OTLP, with the trace
// context that the app gets. Where neither is asked for there is no witness,
// and the request path is as if this room were not there.
//
// # Reads
//
// witness.go, then line.go (the log) and span.go (the traces).
package witness
