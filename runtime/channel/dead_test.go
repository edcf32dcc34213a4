package channel

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/memory"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// joins is a bus whose receivers get nothing at first, as new members of a group in
// Kafka.
type joins struct{ keep }

func (d joins) Receive(ctx context.Context, from bus.Receive) (bus.Stream, error) {
	s, err := d.keep.Receive(ctx, from)
	return late{s, time.Now().Add(2500 * time.Millisecond)}, err
}

type late struct {
	bus.Stream
	begins time.Time
}

func (s late) Next(ctx context.Context, most int) ([]*bus.Message, error) {
	select {
	case <-time.After(time.Until(s.begins)):
		return s.Stream.Next(ctx, most)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestInspect_WaitsForTheDeadThatThereAre: a bus that takes its time is not taken
// for one that keeps nothing.
func TestInspect_WaitsForTheDeadThatThereAre(t *testing.T) {
	driver := joins{keep{memory.New(memory.Config{Log: slog.New(slog.DiscardHandler)})}}
	s := newSubscriber(t, func(w http.ResponseWriter, _ cloudevents.Event) { w.WriteHeader(http.StatusBadRequest) })
	w := start(t, Config{}, driver, orders(), subscription("a", s.URL))
	w.send("1")
	w.send("2")
	for _, id := range []string{"1", "2"} {
		w.await("dead", func() bool { return w.outcome(id, "shop/a").Outcome == contract.OutcomeDead })
	}
	var dead []contract.DeadEvent
	w.inspect("GET", contract.PathEventsDead+"?subscription=shop/a", nil, &dead)
	var moved contract.Moved
	w.inspect("POST", contract.PathEventsRedrive+"?subscription=shop/a", nil, &moved)
	if len(dead) != 2 || moved.Events != 2 {
		t.Errorf("%d shown, %d redriven, want 2", len(dead), moved.Events)
	}
}
