package pubsub

import (
	"encoding/json"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
)

// Type is the type of events that are made of messages which are none.
const Type = "google.cloud.pubsub.topic.v1.messagePublished"

// event is a message as an event: the one that it is by the binding for Pub/Sub,
// or one made of it.
func (s *Source) event(m *pubsub.Message) (cloudevents.Event, error) {
	if s.spec.EventType == "" {
		headers := make(map[string]string, len(m.Attributes))
		for name, value := range m.Attributes {
			headers[strings.ToLower(name)] = value
		}
		if e, err := cloudevents.FromPlain(headers, m.Data); err == nil {
			return e, nil
		}
	}
	e := cloudevents.Event{ID: m.ID, Source: "//pubsub.googleapis.com/" + s.topic(), Type: Type, Time: m.PublishTime.UTC().Format(time.RFC3339Nano)}
	var data any = published{Subscription: s.subscription(), Message: message{
		ID: m.ID, Time: m.PublishTime.UTC(), Key: m.OrderingKey, Attributes: m.Attributes, Data: m.Data,
	}}
	if s.spec.EventType != "" {
		e.Type = s.spec.EventType
		data = of2018{m.ID, m.Data, m.Attributes, m.PublishTime.UTC()}
	}
	if m.OrderingKey != "" {
		_ = e.Set("partitionkey", m.OrderingKey) // what no attribute can hold stays in the data
	}
	b, err := json.Marshal(data)
	if err != nil {
		return e, err
	}
	e.SetData("application/json", b)
	return e, nil
}

// published is what Google's own events of a message hold.
type published struct {
	Subscription string  `json:"subscription"`
	Message      message `json:"message"`
}

type message struct {
	ID         string            `json:"messageId"`
	Time       time.Time         `json:"publishTime"`
	Key        string            `json:"orderingKey,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
	// Data is base64.
	Data []byte `json:"data,omitempty"`
}

// of2018 is what the source of 2018 sent: its client's own message.
type of2018 struct {
	ID          string
	Data        []byte
	Attributes  map[string]string
	PublishTime time.Time
}
