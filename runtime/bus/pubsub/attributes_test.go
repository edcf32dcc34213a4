package pubsub

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// TestAttributes_WhatIsNoneArrives keeps to Pub/Sub's limits, which neither fake
// checks.
func TestAttributes_WhatIsNoneArrives(t *testing.T) {
	long := strings.Repeat("ä😀", 700)
	m := &bus.Message{ID: "https://example.com/" + long, Key: "k", Headers: map[string]string{
		"ce-subject": long, "ce-type": "t", "googclient": "x", strings.Repeat("n", 300): "v",
	}}
	for i := range 80 {
		m.Headers[fmt.Sprintf("ce-x%d", i)] = "v"
	}
	p, err := toPubSub(m)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Attributes) > 100 {
		t.Errorf("%d attributes, Pub/Sub takes 100", len(p.Attributes))
	}
	for name, value := range p.Attributes {
		if name == "" || len(name) > 256 || len(value) > 1024 || strings.HasPrefix(name, "goog") {
			t.Errorf("Pub/Sub refuses attribute %.20q of %d bytes", name, len(value))
		}
	}
	got := fromPubSub(p)
	if diff := cmp.Diff(m.Headers, got.Headers); diff != "" || got.ID != m.ID {
		t.Errorf("headers arrive otherwise (-sent +got):\n%s", diff)
	}
}

func TestAttributes_TooManyAreTooLarge(t *testing.T) {
	m := &bus.Message{Headers: map[string]string{"h": strings.Repeat("x", 101*1024)}}
	if _, err := toPubSub(m); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("101 KiB of headers: %v, want ErrTooLarge", err)
	}
	if _, err := toPubSub(&bus.Message{Key: strings.Repeat("k", 1025)}); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("a key of 1025 bytes: %v, want ErrTooLarge", err)
	}
}

func TestNames_AreReadBack(t *testing.T) {
	b := &Bus{project: "p"}
	for _, name := range []string{"default.orders", "a+b/c d%é", "dead_x.y"} {
		if got, ok := topicOf(b.topicPath(name)); !ok || got != name {
			t.Errorf("topic %q is read back as %q", name, got)
		}
		if topic, sub, ok := subscriptionOf(b.subscriptionPath(name, "s+"+name)); !ok || topic != name || sub != "s+"+name {
			t.Errorf("subscription of %q is read back as %q, %q", name, topic, sub)
		}
	}
}
