package bus

import (
	"context"
	"time"
)

// Headers that the bus itself writes.
const (
	// HeaderFor names the one subscription that a message is for; the others
	// settle it unseen. A redriven message carries it.
	HeaderFor = "sluice-for"
	// HeaderDeadTopic is the topic on which a dead message was.
	HeaderDeadTopic = "sluice-dead-topic"
	// HeaderDeadSubscription is the subscription that gave it up.
	HeaderDeadSubscription = "sluice-dead-subscription"
	// HeaderDeadReason is the error of the last attempt.
	HeaderDeadReason = "sluice-dead-reason"
	// HeaderDeadAttempts is how often the handler was tried.
	HeaderDeadAttempts = "sluice-dead-attempts"
	// HeaderDeadTime is when it was given up, RFC 3339.
	HeaderDeadTime = "sluice-dead-time"
	// HeaderDeadPosition is where on its topic the message is.
	HeaderDeadPosition = "sluice-dead-position"
)

// Message is one message. Once published or received it belongs to several
// readers: neither Headers nor Body may be changed.
type Message struct {
	// ID says which messages are the same (a CloudEvent's source and id). Two
	// with one ID may be stored; Policy.Dedupe tells them apart. "" is never a
	// duplicate.
	ID string
	// Key says what is in order with what. "" has no order.
	Key     string
	Headers map[string]string
	Body    []byte

	// Position is this stored copy's place on its topic, stable across
	// redelivery and replay. Set by the driver on receipt, and by Publish where
	// the bus tells; opaque.
	Position string
	// Published is when the bus stored it. Set by the driver on receipt.
	Published time.Time
	// Attempt is 1 for the first call of the handler. Set by Subscription; a
	// restart begins at 1 again.
	Attempt int
	// Receipt is what the driver needs to settle the message.
	Receipt any
	// Lost is closed when the message is no longer this receiver's, because
	// another one takes over its partition. nil is never.
	Lost <-chan struct{}
}

// Header returns a header's value, "" where there is none.
func (m *Message) Header(name string) string { return m.Headers[name] }

// with returns a copy of m to be published, with more headers.
func (m *Message) with(more map[string]string) *Message {
	headers := make(map[string]string, len(m.Headers)+len(more))
	for k, v := range m.Headers {
		headers[k] = v
	}
	for k, v := range more {
		headers[k] = v
	}
	return &Message{ID: m.ID, Key: m.Key, Headers: headers, Body: m.Body}
}

// Handler is called for a message, again and again until its Verdict is Ack or
// Dead. ctx ends when the subscription has stopped and its time to drain is up.
type Handler func(ctx context.Context, m *Message) Verdict

// Verdict is what a Handler made of a message. The zero Verdict is a retry.
type Verdict struct {
	Action Action
	// After is the least time until the next attempt; the policy's backoff may
	// be longer, its RetryAfterMax is the most.
	After time.Duration
	// Err is why it was not acknowledged.
	Err error
}

// Action is one of four.
type Action int

// The actions.
const (
	ActionRetry Action = iota
	ActionAck
	ActionDead
	ActionKeep
)

// Ack says that the message is done.
func Ack() Verdict { return Verdict{Action: ActionAck} }

// Retry says that the message is to come again.
func Retry(err error) Verdict { return Verdict{Action: ActionRetry, Err: err} }

// RetryAfter says that the message is to come again, not before after.
func RetryAfter(after time.Duration, err error) Verdict {
	return Verdict{Action: ActionRetry, After: after, Err: err}
}

// Keep says that the message is to come again, and that this was no attempt: the
// subscription stops rather than the message being at fault.
func Keep(err error) Verdict { return Verdict{Action: ActionKeep, Err: err} }

// Dead says that no further attempt will help.
func Dead(err error) Verdict { return Verdict{Action: ActionDead, Err: err} }
