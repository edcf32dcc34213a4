package channel

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/memory"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// TestDispatcher_AChannelThatMovesToAnotherBusLeavesNothingUndelivered: what waits
// on the bus where it was is delivered from there, however long that takes, and
// then that bus is tidied up.
func TestDispatcher_AChannelThatMovesToAnotherBusLeavesNothingUndelivered(t *testing.T) {
	var well atomic.Bool
	s := newSubscriber(t, func(w http.ResponseWriter, e cloudevents.Event) {
		switch {
		case well.Load():
		case e.ID == "0":
			w.WriteHeader(http.StatusBadRequest)
		case e.ID != "3":
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	before, after := newDriver(), newDriver()
	open := func(_ context.Context, b contract.Bus) (bus.Driver, bus.Promises, error) {
		if b.Driver == contract.DriverMemory {
			return after, memory.Promises, nil
		}
		return before, memory.Promises, nil
	}
	sub := subscription("a", s.URL, func(s *contract.Subscription) {
		s.Delivery.Retry, s.Delivery.BackoffMax = 100_000, s.Delivery.BackoffDelay
	})
	w := start(t, Config{Open: open, Grace: 10 * time.Millisecond}, before, orders(), sub)
	w.send("0")
	w.await("it died", func() bool { return w.outcome("0", "shop/a").Outcome == contract.OutcomeDead })
	w.send("1")
	w.send("2")
	w.await("both failed", func() bool { return s.count() >= 3 })
	moved := orders()
	moved.Bus = contract.Ref{Name: contract.DriverMemory}
	w.set(moved)
	w.await("it takes events elsewhere", func() bool {
		inv, err := after.List(t.Context())
		return err == nil && len(inv.Subscriptions) == 1 && w.table.Load().refs[moved.Ref].spec.Bus == moved.Bus
	})
	w.send("3")
	w.await("the new one", func() bool { return w.outcome("3", "shop/a").Outcome == contract.OutcomeDelivered })
	w.await("what is left is shown", func() bool {
		return slices.ContainsFunc(w.Lags(t.Context(), "shop"), func(l contract.Lag) bool {
			return l.Pending == 2 && strings.HasPrefix(l.Text, "what its channel left on the bus jetstream: "+s.URL)
		})
	})
	well.Store(true)
	for _, id := range []string{"1", "2"} {
		w.await(id, func() bool { return w.outcome(id, "shop/a").Outcome == contract.OutcomeDelivered })
	}
	w.await("the old place is gone", func() bool {
		w.lines[contract.Ref{Name: contract.DefaultBus}].tell() // rather than wait until it looks by itself
		inv, err := before.List(t.Context())
		return err == nil && !slices.Contains(inv.Topics, topicName(moved.Ref))
	})
	var dead []contract.DeadEvent
	w.inspect("GET", contract.PathEventsDead+"?subscription=shop/a", nil, &dead)
	if lags := w.Lags(t.Context(), "shop"); len(dead) != 1 || len(lags) != 1 || lags[0].Dead != 1 {
		t.Errorf("what died there: %+v, counted in %+v", dead, lags)
	}
	var again contract.Moved
	w.inspect("POST", contract.PathEventsRedrive+"?subscription=shop/a", nil, &again)
	w.await("redriven to where the channel is now", func() bool { return w.outcome("0", "shop/a").Outcome == contract.OutcomeDelivered })
}
