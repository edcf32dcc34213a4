package pubsub

import (
	"fmt"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/pstest"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// TestStream_OutlivesItsPulls has a service that ends every pull after 50 ms, as
// Google's does after a while: what is held stays held, what comes arrives.
func TestStream_OutlivesItsPulls(t *testing.T) {
	server := pstest.NewServer()
	defer server.Close()
	server.SetStreamTimeout(50 * time.Millisecond)
	b := opener(server.Addr, time.Second)(t)
	defer b.Close()
	topic := "default.orders"
	if err := b.EnsureTopic(t.Context(), bus.TopicSpec{Name: topic}); err != nil {
		t.Fatal(err)
	}
	if err := b.EnsureSubscription(t.Context(), bus.SubscriptionSpec{Topic: topic, Name: "s"}); err != nil {
		t.Fatal(err)
	}
	s, err := b.Receive(t.Context(), bus.Receive{Topic: topic, Subscription: "s", Window: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var held []*bus.Message
	for i := range 5 {
		body := fmt.Sprint(i)
		if err := b.Publish(t.Context(), topic, []*bus.Message{{Body: []byte(body)}}); err != nil {
			t.Fatal(err)
		}
		batch, err := s.Next(t.Context(), 10)
		if err != nil || len(batch) != 1 || string(batch[0].Body) != body {
			t.Fatalf("message %d: got %d messages, %v", i, len(batch), err)
		}
		held = append(held, batch...)
	}
	for _, m := range held {
		if err := s.Settle(t.Context(), m, true); err != nil {
			t.Error(err)
		}
	}
	for _, m := range server.Messages() {
		if m.Acks != 1 {
			t.Errorf("%s was acknowledged %d times", m.Data, m.Acks)
		}
	}
	// The service has forgotten the subscription: the stream says so and ends.
	if err := b.RemoveSubscription(t.Context(), topic, "s"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Next(t.Context(), 10); err == nil {
		t.Error("next goes on without its subscription")
	}
}
