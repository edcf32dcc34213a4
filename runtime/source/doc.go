// Package source is what all sources of events share: the way to the sink.
//
// # In
//
// Where events go and what is set on each of them, as contract.Source and its
// environment say.
//
// # Out
//
// Sink.Send, which returns nil only when the sink has acknowledged the event. It
// tries for as long as its context lasts, or as a delivery of the source's own
// says; what the sink does not take goes to a dead letter sink, or is ErrRefused.
//
// # Reads
//
// sink.go, then one folder per source: ping, github, kubernetes, kafka, pubsub.
package source
