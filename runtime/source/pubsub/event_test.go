package pubsub

import (
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

func TestEvent(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 0, 0, 5e8, time.UTC)
	of := func(eventType string) contract.PubSubSource {
		return contract.PubSubSource{Project: "shop", Topic: "orders", EventType: eventType, Endpoint: "localhost:1"}
	}
	for _, c := range []struct {
		name    string
		spec    contract.PubSubSource
		message pubsub.Message
		want    cloudevents.Event
		data    string
	}{
		{
			"one made of a message", of(""),
			pubsub.Message{ID: "7", Data: []byte("hi"), Attributes: map[string]string{"lang": "en"}, PublishTime: at, OrderingKey: "k"},
			cloudevents.Event{ID: "7", Source: "//pubsub.googleapis.com/projects/shop/topics/orders", Type: Type, Time: "2026-03-01T10:00:00.5Z"},
			`{"subscription":"projects/shop/subscriptions/sluice.default.orders","message":{"messageId":"7","publishTime":"2026-03-01T10:00:00.5Z","orderingKey":"k","attributes":{"lang":"en"},"data":"aGk="}}`,
		},
		{
			"as in 2018", of("google.pubsub.topic.publish"),
			pubsub.Message{ID: "8", Data: []byte("hi"), PublishTime: at},
			cloudevents.Event{ID: "8", Source: "//pubsub.googleapis.com/projects/shop/topics/orders", Type: "google.pubsub.topic.publish", Time: "2026-03-01T10:00:00.5Z"},
			`{"ID":"8","Data":"aGk=","Attributes":null,"PublishTime":"2026-03-01T10:00:00.5Z"}`,
		},
		{
			"a CloudEvent, binary", of(""),
			pubsub.Message{ID: "9", Data: []byte("hi"), PublishTime: at, Attributes: map[string]string{
				"ce-specversion": "1.0", "ce-id": "a1", "ce-source": "/s", "ce-type": "t", "Content-Type": "text/plain",
			}},
			cloudevents.Event{ID: "a1", Source: "/s", Type: "t"}, "hi",
		},
		{
			"a CloudEvent, structured", of(""),
			pubsub.Message{ID: "9", PublishTime: at, Attributes: map[string]string{"content-type": "application/cloudevents+json"},
				Data: []byte(`{"specversion":"1.0","id":"a2","source":"/s","type":"t","data":{"n":1}}`)},
			cloudevents.Event{ID: "a2", Source: "/s", Type: "t"}, `{"n":1}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := New(Config{Source: contract.Source{Ref: contract.Ref{Namespace: "default", Name: "orders"}, PubSub: &c.spec}})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.open(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer s.client.Close()
			e, err := s.event(&c.message)
			if err != nil {
				t.Fatal(err)
			}
			if e.ID != c.want.ID || e.Source != c.want.Source || e.Type != c.want.Type || e.Time != c.want.Time || string(e.Data) != c.data {
				t.Errorf("got %+v with %s", e, e.Data)
			}
			if key, _ := e.Attribute("partitionkey"); key != c.message.OrderingKey || e.Validate() != nil {
				t.Errorf("partitionkey %q; %v", key, e.Validate())
			}
		})
	}
}

func BenchmarkEvent(b *testing.B) {
	s, err := New(Config{Source: contract.Source{PubSub: &contract.PubSubSource{Project: "shop", Topic: "orders", Endpoint: "localhost:1"}}})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.open(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer s.client.Close()
	plain := &pubsub.Message{ID: "7", Data: make([]byte, 256), Attributes: map[string]string{"lang": "en"}, PublishTime: time.Unix(1, 0)}
	binary := &pubsub.Message{ID: "7", Data: make([]byte, 256), PublishTime: time.Unix(1, 0), Attributes: map[string]string{
		"ce-specversion": "1.0", "ce-id": "a1", "ce-source": "/s", "ce-type": "t", "content-type": "application/json",
	}}
	for name, m := range map[string]*pubsub.Message{"made": plain, "binary": binary} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.event(m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
