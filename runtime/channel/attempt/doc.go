// Package attempt is what one attempt at delivering an event means, for whoever
// delivers: a subscription, or a source with a `delivery` of its own.
//
// # In
//
// What came of an attempt, and a contract.Delivery.
//
// # Out
//
// A [Failure] with its [Fate]; when the next attempt comes; the event as it goes
// to a dead letter sink.
//
// # Reads
//
// judge.go, policy.go. It sends nothing itself: runtime/channel/post does.
package attempt
