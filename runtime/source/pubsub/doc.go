// Package pubsub sends the messages of a Google Cloud Pub/Sub topic.
//
// # In
//
// A contract.PubSubSource: a project, a topic, a subscription if it is the
// user's own; a credential, or that of the machine.
//
// # Out
//
// One event per message, at least once: a message is acknowledged when the sink
// has acknowledged the event, and not before. What the sink refuses is handed
// back, so that Pub/Sub brings it again after a pause, or puts it where the
// subscription says dead messages go; it is lost only when its retention ends.
// A message that is a CloudEvent is sent as it is, any other as
// `google.cloud.pubsub.topic.v1.messagePublished`, or in 2018's form.
// Messages of one ordering key go one after the other, others do not wait.
//
// The subscription is made by the source, which then never passes over a
// message, and removed by Remove; one that the source did not make is neither
// changed nor removed.
//
// # Reads
//
// pubsub.go, subscription.go; event.go is pure.
package pubsub
