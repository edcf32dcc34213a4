// Package kafka is a bus on Apache Kafka.
//
// # In
//
// Config: brokers, and how to prove who we are. Topic arguments: NumPartitions
// (1) and replicationFactor (1).
//
// # Out
//
// A bus.Driver that is Persistent, Ordered by key, with Replay by time and
// position, History and Lag. A topic is a topic, with CloudEvents as Kafka's
// binding writes them; a subscription is a consumer group whose offset never
// passes an unsettled record. Publish returns when all in-sync replicas have the
// record. What we made stands in a compacted topic of our own, the ledger, by
// topic id: what has the same name but another id is not ours.
//
// # What Kafka does otherwise
//
// A topic's retention ends the life of what is not delivered too. Seek moves a
// subscription whose other receivers, if any, are in this process or stopped.
//
// # Reads
//
// kafka.go, admin.go, ledger.go, publish.go, stream.go, partition.go, place.go.
package kafka
