// Package bus stores messages on topics and delivers each to every
// subscription, at least once: the portable half, written once for all
// drivers.
//
// # In
//
// A Driver (memory, JetStream, Kafka, Google Pub/Sub, RabbitMQ; see the
// catalog), Messages to publish, a Handler and a Policy per subscription.
//
// # Out
//
// Topic.Publish returns nil only when the driver has stored the message.
// Subscription.Run calls the Handler for every message and does what its
// Verdict says: Ack moves on, Retry comes again (exponential backoff with
// jitter and a cap, never before a delay that the handler asks for), Dead puts
// the message on the dead letter topic and moves on. Until one of these is
// done, the subscription's place does not pass the message: whatever dies, it
// comes again.
//
// # What a Policy adds, whatever the driver
//
//   - Ordered: messages of one key are handled one at a time and in order, also
//     across retries. Messages without a key have no order.
//   - Concurrency and Rate: how many handlers at once, how many calls a second.
//   - Retry.Attempts: after so many the message is dead.
//   - Dedupe: a second copy of a message (same ID) within the window is settled
//     without being handled.
//
// # Names
//
// A topic or a subscription is known by its name alone. A subscription that is
// removed from a program and comes back under the same name goes on where it
// was, until RemoveSubscription.
//
// # Headers
//
// Header names are lower case, values are plain UTF-8. A CloudEvent in binary
// form has content-type and ce-*; a driver writes them as its own CloudEvents
// binding says (ce_id in Kafka, percent-encoded in NATS), and reads them back.
// Names that begin with sluice- are the bus's own.
package bus
