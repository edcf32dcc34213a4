package jetstream

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// outside are two dispatchers' drivers of one server: an embedded one, or, if
// SLUICE_NATS names it, a real one.
func outside(t *testing.T) (first, second *Bus) {
	t.Helper()
	open := func(cfg Config) *Bus {
		cfg.Log = quiet()
		b, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Close() })
		return b
	}
	if address := os.Getenv("SLUICE_NATS"); address != "" {
		return open(Config{URL: address}), open(Config{URL: address})
	}
	server, err := Start(t.TempDir(), 0, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return open(Config{Server: server}), open(Config{Server: server})
}

func ensure(t *testing.T, b *Bus, topic string, bodies ...string) {
	t.Helper()
	err := b.EnsureTopic(t.Context(), bus.TopicSpec{Name: topic})
	if err == nil {
		err = b.EnsureSubscription(t.Context(), bus.SubscriptionSpec{Topic: topic, Name: "s", Ordered: true})
	}
	for _, body := range bodies {
		if err == nil {
			err = b.Publish(t.Context(), topic, []*bus.Message{{Key: "k", Body: []byte(body)}})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.RemoveTopic(context.WithoutCancel(t.Context()), topic) })
}

func receive(t *testing.T, b *Bus, topic string) bus.Stream {
	t.Helper()
	s, err := b.Receive(t.Context(), bus.Receive{Topic: topic, Subscription: "s", Ordered: true, Window: 16})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestReal_OrderGoesOnSoonAfterADeath: one who holds a subscription alone
// vanishes with a message in its hands. The next one has it within seconds, not
// when the entry and the lease of ten seconds are over.
func TestReal_OrderGoesOnSoonAfterADeath(t *testing.T) {
	dead, next := outside(t)
	ensure(t, next, "death", "1", "2")
	first := receive(t, dead, "death")
	held, err := first.Next(t.Context(), 16)
	if err != nil || string(held[0].Body) != "1" {
		t.Fatalf("got %v, %v", held, err)
	}
	waiting := receive(t, next, "death")
	defer waiting.Close()
	got := make(chan string, 1)
	go func() {
		batch, err := waiting.Next(t.Context(), 16)
		if err == nil {
			got <- string(batch[0].Body)
		}
	}()
	select {
	case body := <-got:
		t.Fatalf("got %s while another one holds it", body)
	case <-time.After(2 * askTimes * askEvery):
	}
	died := time.Now()
	dead.conn.Close() // as the kernel does for a process that is killed
	select {
	case body := <-got:
		if took := time.Since(died); body != "1" || took > 5*time.Second {
			t.Errorf("got %s after %v", body, took)
		}
		t.Logf("went on after %v", time.Since(died))
	case <-time.After(20 * time.Second):
		t.Error("did not go on")
	}
	select {
	case <-held[0].Lost:
	case <-time.After(5 * time.Second):
		t.Error("who lost the subscription is not told")
	}
	_ = first.Close()
}

// TestHolder_KeepsTheRightThroughAShortCut: a connection that is made again at
// once is no death.
func TestHolder_KeepsTheRightThroughAShortCut(t *testing.T) {
	holder, next := outside(t)
	ensure(t, next, "cut", "1")
	s := receive(t, holder, "cut")
	defer s.Close()
	held, err := s.Next(t.Context(), 16)
	if err != nil {
		t.Fatal(err)
	}
	waiting := receive(t, next, "cut")
	defer waiting.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := holder.conn.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	if batch, err := waiting.Next(ctx, 16); err == nil {
		t.Errorf("another one got %s", batch[0].Body)
	}
	select {
	case <-held[0].Lost:
		t.Error("it was given up")
	default:
	}
}
