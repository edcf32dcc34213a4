package channel

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/memory"
	"github.com/sluice-dev/sluice/schema/contract"
)

// kept is a bus whose events outlast the connection to it.
type kept struct {
	bus.Driver
	closed *atomic.Int64
}

func (k kept) Close() error { k.closed.Add(1); return nil }

func TestDispatcher_ABusThatIsReopenedGoesOnWhereItWas(t *testing.T) {
	driver := newDriver()
	var opened, closed atomic.Int64
	d, err := New(Config{Settle: time.Millisecond, Open: func(context.Context, contract.Bus) (bus.Driver, bus.Promises, error) {
		opened.Add(1)
		return kept{driver, &closed}, memory.Promises, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := newSubscriber(t, nil)
	w := &world{Dispatcher: d, t: t, driver: driver}
	w.set(orders())
	w.set(subscription("a", s.URL))
	d.Synced()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = d.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	w.await("ready", d.Ready)
	w.send("1")
	w.await("delivered", func() bool { return s.count() == 1 })
	before := d.table.Load().refs[orders().Ref].topic
	d.Reopen(contract.Ref{Namespace: "shop", Name: "nothing"}) // nobody's
	d.Reopen(contract.Ref{Name: contract.DefaultBus})
	w.await("opened anew", func() bool { return opened.Load() == 2 && closed.Load() == 1 })
	w.await("takes events", func() bool {
		c := d.table.Load().refs[orders().Ref]
		return c != nil && c.topic != nil && c.topic != before
	})
	w.send("2")
	w.await("delivered", func() bool { return s.count() == 2 })
	if ids := s.ids(); !slices.Equal(ids, []string{"1", "2"}) {
		t.Errorf("got %v", ids)
	}
}
