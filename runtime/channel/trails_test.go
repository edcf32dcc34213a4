package channel

import (
	"fmt"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/schema/contract"
)

func TestTrails_RememberTheNewest(t *testing.T) {
	tr, c := newTrails(3), &live{spec: orders()}
	for i := range 5 {
		tr.accepted(c, &bus.Message{ID: fmt.Sprintf("/s %d", i)}, "t", time.Now())
		tr.stopped(c.spec.Ref, &bus.Message{ID: fmt.Sprintf("/s %d", i)}, "t", stop{outcome: contract.OutcomeDelivered})
	}
	for i := range 5 {
		if found := len(tr.find(fmt.Sprint(i), "")); (found == 1) != (i >= 2) {
			t.Errorf("event %d: %d trails", i, found)
		}
	}
	if tr.stops != 3 {
		t.Errorf("%d stops", tr.stops)
	}
}

func TestTrails_BoundWhatManySubscriptionsCost(t *testing.T) {
	tr, c := newTrails(maxTrails), orders().Ref
	for i := range 200 {
		m := &bus.Message{ID: fmt.Sprintf("/s %d", i)}
		for sub := range 1000 {
			tr.stopped(c, m, "t", stop{sub: contract.Ref{Namespace: "n", Name: fmt.Sprint(sub)}})
		}
	}
	if tr.stops > maxStops || len(tr.byKey) < 90 || len(tr.find("199", "/s")) != 1 || len(tr.find("0", "")) != 0 {
		t.Errorf("%d stops of %d events", tr.stops, len(tr.byKey))
	}
}
