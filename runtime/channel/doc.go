// Package channel is the events' data plane: it takes events for Channels by
// HTTP, has a bus store them, and delivers each to every Subscription.
//
// # In
//
// Requests, whose host (or path) names a Channel; and what the engine rendered
// of Buses, Channels and Subscriptions, told one object at a time and in any
// order: what was told last is what is made so.
//
// # Out
//
// 202 when the bus has stored the event, never before. Then, for each
// Subscription, a POST to its subscriber; its reply to where replies go; what
// could not be delivered to the dead letter sink, or kept. Counters, trails and
// lags for whoever asks.
//
// # Several
//
// A dispatcher has the channels that name it (elsewhere.go): one for what is kept
// in the process, and one for each bus that is kept elsewhere. What comes to the
// wrong one is passed on, once.
//
// # Delivery
//
// At least once. The bus (runtime/bus) retries, orders and paces; this room says
// what an answer means (verdict.go). A Subscription that goes keeps its place
// for a grace, so that one that comes back goes on where it was.
//
// # Reads
//
// dispatcher.go, ingress.go, then line.go (one bus and all that is on it) and
// worker.go (one subscription).
package channel
