// Package kafka sends the records of Kafka's topics.
//
// # In
//
// A contract.KafkaSource: brokers, topics, a consumer group, where a new group
// begins; and the secrets of the connection.
//
// # Out
//
// One event per record, at least once: a partition's offset is committed only
// past records that the sink, or the dead letter sink, has acknowledged, or that
// were given up where there is none, which is logged. A record that is a CloudEvent is sent as it is, any other as
// `dev.knative.kafka.event`. A partition's records go one after the other, or
// many at once where the source is not ordered; partitions do not wait for each
// other. Where a new group begins is committed before its first record is read,
// so that nothing is passed over while the sink is down.
//
// # Reads
//
// kafka.go, connect.go, place.go (where a group begins), worker.go (one
// partition); event.go is pure.
package kafka
