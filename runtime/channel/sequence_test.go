package channel

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus/jetstream"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// One at a time, in the order in which they were stored: also while the
// subscription is edited.
func TestDispatcher_OneAtATimeIsInSequence(t *testing.T) {
	for name, driver := range map[string]func(*testing.T) *world{
		"memory": func(t *testing.T) *world { return start(t, Config{}, newDriver(), orders()) },
		"jetstream": func(t *testing.T) *world {
			b, err := jetstream.Open(jetstream.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			return start(t, Config{}, b, orders())
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSubscriber(t, nil)
			w := driver(t)
			one := func(n int) contract.Subscription {
				return subscription("a", s.URL, func(s *contract.Subscription) {
					s.Concurrency = 1
					s.Extensions = map[string]string{"edit": fmt.Sprint(n)}
				})
			}
			w.set(one(0))
			var want []string
			for i := range 300 {
				want = append(want, fmt.Sprintf("%04d", i))
				w.send(want[i])
				if i%50 == 49 {
					w.set(one(i))
				}
			}
			w.await("all", func() bool { return s.count() >= len(want) })
			if got := slices.Compact(s.ids()); !slices.Equal(got, want) {
				t.Errorf("not in sequence: %q", got)
			}
		})
	}
}

// What is tried again lets others pass: to have them wait, order is asked for.
func TestDispatcher_OneAtATimeARetryLetsOthersPass(t *testing.T) {
	s := newSubscriber(t, func(w http.ResponseWriter, e cloudevents.Event) {
		if e.ID == "ill" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	w := start(t, Config{}, newDriver(), orders(), subscription("a", s.URL, func(s *contract.Subscription) {
		s.Concurrency = 1
		s.Delivery.BackoffDelay = contract.Duration(time.Hour)
	}))
	w.send("ill")
	w.send("well")
	w.await("the second", func() bool { return slices.Equal(s.ids(), []string{"ill", "well"}) })
}
