package contract

import (
	"encoding/json"
	"time"
)

// What the dispatcher answers on its admin port, for `sluice events`. Names of
// Channels and Subscriptions are given as namespace/name. Errors are plain text
// with a status of 400, 404 or 500.
const (
	// PathEventsTail streams [StoredEvent]s, one JSON object a line, until the
	// client leaves: ?channel=, with &since= (RFC 3339) or &position= to begin
	// in the past, &limit= to end.
	PathEventsTail = "/v1/events/tail"
	// PathEventsSend (POST, a CloudEvent in any form) puts one event into
	// ?channel= and answers a [Sent].
	PathEventsSend = "/v1/events/send"
	// PathEventsTrace answers the [Trail]s of ?id=, with &source= to be exact.
	PathEventsTrace = "/v1/events/trace"
	// PathEventsLag answers a list of [Lag], of all Subscriptions or ?namespace=.
	PathEventsLag = "/v1/events/lag"
	// PathEventsDead answers a list of [DeadEvent] of ?subscription=, at most
	// &limit=.
	PathEventsDead = "/v1/events/dead"
	// PathEventsRedrive (POST) delivers dead events of ?subscription= again, all
	// or &id=, and answers a [Moved].
	PathEventsRedrive = "/v1/events/redrive"
	// PathEventsReplay (POST) moves the place of ?subscription= to &since=
	// (RFC 3339) or &position=, and answers a [Moved].
	PathEventsReplay = "/v1/events/replay"
)

// StoredEvent is an event as a Channel keeps it.
type StoredEvent struct {
	Channel  string    `json:"channel"`
	Position string    `json:"position"`
	Stored   time.Time `json:"stored,omitzero"`
	// Event is the CloudEvent in its JSON format.
	Event json.RawMessage `json:"event"`
}

// Sent is what became of an event that was sent.
type Sent struct {
	Channel  string `json:"channel"`
	ID       string `json:"id"`
	Position string `json:"position,omitempty"`
}

// Trail is where one event is, who got it, and who did not and why.
type Trail struct {
	ID       string    `json:"id"`
	Source   string    `json:"source"`
	Type     string    `json:"type"`
	Channel  string    `json:"channel"`
	Position string    `json:"position,omitempty"`
	Accepted time.Time `json:"accepted,omitzero"`
	Stops    []Stop    `json:"stops,omitempty"`
}

// Stop is what became of an event at one Subscription.
type Stop struct {
	Subscription string `json:"subscription"`
	// Outcome is one of the constants below.
	Outcome  string    `json:"outcome"`
	Attempts int       `json:"attempts,omitempty"`
	Time     time.Time `json:"time,omitzero"`
	// Status is the subscriber's last HTTP status; 0: it gave none.
	Status int `json:"status,omitempty"`
	// Text says why, where it was not delivered; and where it went, where it
	// was replied to or dead-lettered.
	Text string `json:"text,omitempty"`
}

// Outcomes of a delivery.
const (
	// OutcomeDelivered is a subscriber that took the event.
	OutcomeDelivered = "delivered"
	// OutcomeFiltered is an event that the Subscription did not ask for.
	OutcomeFiltered = "filtered"
	// OutcomeDuplicate is one that it had within its dedupe window.
	OutcomeDuplicate = "duplicate"
	// OutcomeRetrying is one that failed and is tried again.
	OutcomeRetrying = "retrying"
	// OutcomeDead is one that was given up: it is at the dead letter sink, or
	// kept.
	OutcomeDead = "dead"
	// OutcomePending is one that was not tried yet.
	OutcomePending = "pending"
	// OutcomeSettled is one that is done, delivered or not: the dispatcher that
	// did it has ended, and nothing more is known.
	OutcomeSettled = "settled"
)

// Lag is how far a Subscription is behind.
type Lag struct {
	Subscription string `json:"subscription"`
	Channel      string `json:"channel"`
	// State is StateRunning, StateStopped (the subscriber said 410 Gone) or
	// StateFailing (what it asks for cannot be done).
	State string `json:"state"`
	// Text says why it does not run.
	Text string `json:"text,omitempty"`
	// Pending is how many events wait; -1 where the bus cannot tell.
	Pending int64 `json:"pending"`
	// Oldest is how old the oldest of them is.
	Oldest    Duration `json:"oldest,omitempty"`
	InFlight  int64    `json:"inFlight"`
	Delivered int64    `json:"delivered"`
	Retries   int64    `json:"retries"`
	// Dead is how many dead events are kept.
	Dead int64 `json:"dead"`
	// LastError is what the subscriber last did wrong.
	LastError string `json:"lastError,omitempty"`
}

// States of a Subscription.
const (
	StateRunning = "running"
	StateStopped = "stopped"
	StateFailing = "failing"
)

// DeadEvent is an event that was given up and is kept.
type DeadEvent struct {
	StoredEvent
	Subscription string `json:"subscription"`
	// Code is the subscriber's last HTTP status; 0: it gave none.
	Code int    `json:"code,omitempty"`
	Text string `json:"text"`
}

// Moved is what redrive and replay did.
type Moved struct {
	Subscription string `json:"subscription"`
	// Events is how many were moved; -1 where the bus cannot tell.
	Events int64 `json:"events"`
}

// Extension attributes that a dead event carries, with Knative's meaning; and
// the one that stops an event that goes in circles.
const (
	// ExtensionErrorDest is the URL that failed.
	ExtensionErrorDest = "knativeerrordest"
	// ExtensionErrorCode is the last HTTP status.
	ExtensionErrorCode = "knativeerrorcode"
	// ExtensionErrorData is the answer's body or the error's text, in base64 as
	// Knative writes it, of at most 1024 bytes.
	ExtensionErrorData = "knativeerrordata"
	// ExtensionTTL counts down with all that a delivery puts into a Channel; at 0
	// a reply is dropped, and anything else is dead.
	ExtensionTTL = "knativebrokerttl"
	// DefaultTTL is where it begins.
	DefaultTTL = 255
)
