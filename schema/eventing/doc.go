// Package eventing reads the kinds of events: those of 2018 (Feed, EventSource,
// EventType, Channel, Subscription, Bus, Flow) and today's (Channel,
// InMemoryChannel, Subscription, Broker, Trigger and the sources).
//
// # In
//
// A [schema.Document] of one of the kinds in [Kinds].
//
// # Out
//
// A spec that lowers to Bus, Channel, Subscription, Emitter and the few nouns
// of feeds; or problems. Whatever kind an event's way was written in, it is one
// delivery engine that goes it. What needs other specs beside it, as whether a
// channel is there, is a reference in the nouns; engine/render joins them.
//
// # Reads
//
// kinds.go, then check.go, destination.go and options.go, which all kinds
// share; then a kind's own files.
package eventing
