package jetstream

import (
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
)

func TestMovesOf_ReadsConsumerOf(t *testing.T) {
	name := bus.SubscriptionName{Topic: "t", Name: "a=m1.b"}
	for _, moves := range []int{0, 1, 12} {
		if got, is := movesOf(name, consumerOf(name, moves)); !is || got != moves {
			t.Errorf("%s: %d, %v; want %d", consumerOf(name, moves), got, is, moves)
		}
	}
	short := bus.SubscriptionName{Topic: "t", Name: "a"}
	for _, other := range []string{consumerOf(name, 0), consumerOf(name, 3), "ab", "a=m", "a=mx", "b=m1"} {
		if _, is := movesOf(short, other); is {
			t.Errorf("%s is taken for one of %q", other, short.Name)
		}
	}
}

// TestMove_Interrupted leaves the old consumer of a move, as one who dies does.
func TestMove_Interrupted(t *testing.T) {
	b, err := Open(Config{Dir: t.TempDir(), Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	ctx := t.Context()
	name := bus.SubscriptionName{Topic: "t", Name: "s"}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(b.EnsureTopic(ctx, bus.TopicSpec{Name: name.Topic}))
	must(b.EnsureSubscription(ctx, bus.SubscriptionSpec{Topic: name.Topic, Name: name.Name}))
	younger, err := b.consumerConfig(name, 1, bus.Latest())
	must(err)
	_, err = b.js.CreateConsumer(ctx, streamOf(name.Topic), younger)
	must(err)

	inv, err := b.List(ctx)
	must(err)
	if len(inv.Subscriptions) != 1 {
		t.Errorf("listed: %v", inv.Subscriptions)
	}
	// Who comes next knows nothing of it.
	next, err := Open(Config{Server: b.Server(), Log: quiet()})
	must(err)
	defer func() { _ = next.Close() }()
	must(next.Seek(ctx, name.Topic, name.Name, bus.Earliest()))
	for _, bus := range []*Bus{b, next} {
		c, err := bus.find(ctx, name)
		must(err)
		if got := c.CachedInfo().Name; got != consumerOf(name, 2) {
			t.Errorf("consumer is %s", got)
		}
	}
	all, err := b.generations(ctx, name)
	must(err)
	if len(all) != 1 {
		t.Errorf("consumers after %v moves are there", all)
	}
}

// TestRewind_GoesNoFurtherThanTheBeginning has an ordered receiver go before it
// has settled anything: the next one begins where the subscription does, not
// where the topic does.
func TestRewind_GoesNoFurtherThanTheBeginning(t *testing.T) {
	b, err := Open(Config{Dir: t.TempDir(), Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(b.EnsureTopic(ctx, bus.TopicSpec{Name: "t"}))
	publish := func(body string) {
		t.Helper()
		must(b.Publish(ctx, "t", []*bus.Message{{Key: "k", Body: []byte(body)}}))
	}
	publish("long ago")
	began := time.Now()
	for name, start := range map[string]bus.Point{"newest": bus.Latest(), "time": bus.Since(began), "position": bus.From("2")} {
		must(b.EnsureSubscription(ctx, bus.SubscriptionSpec{Topic: "t", Name: name, Start: start, Ordered: true}))
	}
	publish("first")
	publish("second")
	for _, name := range []string{"newest", "time", "position"} {
		for range 3 {
			s, err := b.Receive(ctx, bus.Receive{Topic: "t", Subscription: name, Ordered: true, Window: 10})
			must(err)
			batch, err := s.Next(ctx, 10)
			must(err)
			if got := string(batch[0].Body); got != "first" {
				t.Errorf("%s: got %s", name, got)
			}
			must(s.Close())
		}
	}
}
