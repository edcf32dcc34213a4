// Package rabbitmq is a bus on RabbitMQ.
//
// # In
//
// Config: an amqp URL. Topic arguments: queueType (quorum, or classic), of its
// subscriptions.
//
// # Out
//
// A bus.Driver that is Persistent and Ordered. A topic is a fanout exchange, a
// subscription a durable queue bound to it; names begin with sluice. so that
// nothing of anybody else is touched. Publish returns when the broker has
// confirmed. Queues forget what is settled: there is no replay, and a new
// subscription begins with what is published from then on.
//
// # Reads
//
// rabbitmq.go, admin.go, publish.go, stream.go, browse.go.
package rabbitmq
