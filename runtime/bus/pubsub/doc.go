// Package pubsub is a bus on Google Cloud Pub/Sub.
//
// # In
//
// Config: a project and, where the machine has none of its own, the JSON of a
// credential; or the endpoint of an emulator.
//
// # Out
//
// A bus.Driver that is Persistent, Ordered and Listed. A topic is the Pub/Sub
// topic channel-TOPIC, a subscription the pull subscription
// subscription-TOPIC+NAME; both are labelled as managed by sluice, and what is
// not is never removed. Headers are attributes, CloudEvents as their binding for
// Pub/Sub writes them. Publish returns when the service has stored.
//
// # What Pub/Sub does otherwise
//
// It lets go of what no one has settled within seven days. What is settled is
// gone: there is no replay, and a new subscription begins with what is published
// from then on, whatever Start says. How far a subscription is behind is told by
// Cloud Monitoring alone. Order per key holds among what is published in one
// region: give that region's endpoint where publishers run in several. A
// subscription cannot be made ordered, or unordered, later.
//
// # Reads
//
// pubsub.go, names.go, admin.go, attributes.go, publish.go, stream.go, connect.go, settle.go,
// gather.go, browse.go.
package pubsub
