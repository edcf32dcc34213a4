// Package source is what all sources of events share: the way to the sink.
//
// # In
//
// Where events go and what is set on each of them, as contract.Source and its
// environment say.
//
// # Out
//
// Sink.Send, which returns nil only when the sink has acknowledged the event; it
// tries for as long as its context lasts. An event that the sink will never take
// is Refused.
//
// # Reads
//
// sink.go, then one folder per source: ping, github, kubernetes, kafka, pubsub.
package source
