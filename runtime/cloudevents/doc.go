// Package cloudevents reads and writes CloudEvents 1.0 over HTTP (binary,
// structured and batch mode), as JSON, and as Kafka records.
//
// # In
//
// Headers and bodies as foreign senders write them: read leniently where the
// specification leaves room or senders are known to stray (a header that is not
// percent-encoded, an event of version 0.1 or 0.3), refused where it says MUST.
//
// # Out
//
// An [Event], which is always valid when it was read; or an [Error] with the
// HTTP status that it deserves and a text that says what to write instead.
// What is written follows the specification to the letter.
//
// # Reads
//
// event.go, then http.go. The rules of header values stand in percent.go.
package cloudevents
