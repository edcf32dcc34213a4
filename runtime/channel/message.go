package channel

import (
	"strings"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
)

// partitionKey is the extension by which CloudEvents say what belongs together.
const partitionKey = "partitionkey"

// message is an event as the bus keeps it.
func message(e *cloudevents.Event, order string) *bus.Message {
	m := &bus.Message{ID: identity(e), Headers: e.Plain(), Body: e.Data}
	if order != "" {
		m.Key, _ = e.Attribute(order)
	}
	if m.Key == "" {
		m.Key, _ = e.Attribute(partitionKey)
	}
	return m
}

// identity is what makes two events the same. No source has a space.
func identity(e *cloudevents.Event) string { return e.Source + " " + e.ID }

// split undoes identity.
func split(identity string) (source, id string) {
	source, id, _ = strings.Cut(identity, " ")
	return source, id
}

// event reads an event back.
func event(m *bus.Message) (cloudevents.Event, error) {
	return cloudevents.FromPlain(m.Headers, m.Body)
}
