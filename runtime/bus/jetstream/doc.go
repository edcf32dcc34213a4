// Package jetstream is a bus on NATS JetStream: a server of its own as a
// library, on disk (the default bus of the platform), or one somewhere else.
//
// # In
//
// Config: Dir for an embedded server, or URL. Topic arguments: maxBytes (1 GiB)
// is what a topic may hold, replicas (1) how many servers of a cluster keep it.
//
// # Out
//
// A bus.Driver that is Persistent, Ordered, with Replay by time and position,
// History, Lag and Age. A topic is a stream, a subscription a durable consumer,
// both marked as ours in their descriptions. A subscription that is moved goes on
// with another consumer, whose name ends in =m and the number of its moves.
//
// # What stored means
//
// Publish returns when the server has written the message to its file: it
// survives the death of the process at once, and the death of the machine after
// Config.Sync (default 1 s; 0 < Sync; SyncAlways writes through before it
// answers).
//
// # What is let go, and when
//
// Messages that every subscription has settled are kept for the topic's
// retention (default 7 days), less if the topic is full. What is not settled is
// never let go: a full topic refuses, with bus.ErrFull.
//
// # Reads
//
// jetstream.go, server.go, admin.go, publish.go, stream.go, order.go, place.go,
// move.go, trim.go; names.go and headers.go say how things are spelled in NATS.
package jetstream
