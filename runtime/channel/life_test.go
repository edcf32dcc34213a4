package channel

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

func TestDispatcher_ASubscriptionThatComesBackGoesOnWhereItWas(t *testing.T) {
	s := newSubscriber(t, nil)
	w := start(t, Config{}, newDriver(), orders(), subscription("a", s.URL))
	w.send("1")
	w.await("the first", func() bool { return s.count() == 1 })
	w.Delete(objectOf(contract.EventsSubscription, contract.Ref{Namespace: "shop", Name: "a"}))
	w.await("it has gone", func() bool { return len(w.allWorkers("")) == 0 })
	w.send("2")
	back := subscription("a", s.URL, func(s *contract.Subscription) { s.From = contract.FromNewest })
	if err := w.Set("another file", contract.EventsSubscription, mustJSON(t, back)); err != nil {
		t.Fatal(err)
	}
	w.await("what came meanwhile", func() bool { return slices.Equal(s.ids(), []string{"1", "2"}) })
}

func TestDispatcher_AnEditKeepsThePlace(t *testing.T) {
	old, fresh := newSubscriber(t, nil), newSubscriber(t, nil)
	w := start(t, Config{}, newDriver(), orders(), subscription("a", old.URL))
	w.send("1")
	w.await("the first", func() bool { return old.count() == 1 })
	w.set(subscription("a", fresh.URL))
	w.send("2")
	w.await("the second", func() bool { return slices.Contains(fresh.ids(), "2") || slices.Contains(old.ids(), "2") })
	if slices.Contains(fresh.ids(), "1") {
		t.Error("the place was lost")
	}
}

func TestDispatcher_RemovesWhatIsGoneAfterTheGrace(t *testing.T) {
	s := newSubscriber(t, nil)
	driver := newDriver()
	w := start(t, Config{Grace: 30 * time.Millisecond}, driver, orders(), subscription("a", s.URL), subscription("b", s.URL))
	subscriptions := func() int { inv, _ := driver.List(t.Context()); return len(inv.Subscriptions) }
	w.await("both are there", func() bool { return subscriptions() == 2 })
	w.Delete(objectOf(contract.EventsSubscription, contract.Ref{Namespace: "shop", Name: "a"}))
	w.await("one is removed", func() bool { return subscriptions() == 1 })
	w.Delete(objectOf(contract.EventsSubscription, contract.Ref{Namespace: "shop", Name: "b"}))
	w.Delete(objectOf(contract.EventsChannel, orders().Ref))
	w.await("all is removed", func() bool { inv, _ := driver.List(t.Context()); return len(inv.Topics) == 0 })
}

func TestDispatcher_GoesOnAfterARestart(t *testing.T) {
	s := newSubscriber(t, nil)
	driver := newDriver()
	w := start(t, Config{}, driver, orders(), subscription("a", s.URL))
	w.send("1")
	w.await("delivered", func() bool { return s.count() == 1 })
	w.stop()
	w = start(t, Config{}, driver, orders(), subscription("a", s.URL))
	w.send("2")
	w.await("only the new one", func() bool { return slices.Equal(s.ids(), []string{"1", "2"}) })
	var trails []contract.Trail
	w.inspect("GET", contract.PathEventsTrace+"?id=1", nil, &trails)
	if len(trails) != 1 || trails[0].Position == "" || trails[0].Stops[0].Outcome != contract.OutcomeSettled {
		t.Errorf("an event from before: %+v", trails)
	}
}

// TestTrace_WhoCameLaterWaitsForNothing: a subscription that begins after an event
// never gets it, and its trace does not say that it will.
func TestTrace_WhoCameLaterWaitsForNothing(t *testing.T) {
	s := newSubscriber(t, nil)
	w := start(t, Config{}, newDriver(), orders(), subscription("a", s.URL))
	w.send("1")
	w.await("delivered", func() bool { return w.outcome("1", "shop/a").Outcome == contract.OutcomeDelivered })
	w.set(subscription("b", s.URL, func(s *contract.Subscription) { s.From = contract.FromNewest }))
	w.await("it began later", func() bool {
		o := w.outcome("1", "shop/b")
		return o.Outcome == contract.OutcomeSettled && strings.Contains(o.Text, "began later")
	})
	w.send("2")
	w.await("delivered to both", func() bool { return s.count() == 3 })
}

func TestDispatcher_ReplaysOncePerToken(t *testing.T) {
	s := newSubscriber(t, nil)
	driver := newDriver()
	keepAll := orders()
	keepAll.Retention = contract.Duration(time.Hour)
	replay := func(token string) contract.Subscription {
		return subscription("a", s.URL, func(s *contract.Subscription) {
			if token != "" {
				s.Replay = &contract.Replay{Token: token, Since: "2020-01-01T00:00:00Z"}
			}
		})
	}
	w := start(t, Config{}, driver, keepAll, replay(""))
	w.send("1")
	w.await("delivered", func() bool { return s.count() == 1 })
	w.set(replay("once"))
	w.await("replayed", func() bool { return s.count() == 2 })
	w.stop()
	w = start(t, Config{}, driver, keepAll, replay("once"))
	w.send("2")
	w.await("not again", func() bool { return slices.Equal(s.ids(), []string{"1", "1", "2"}) })
	var moved contract.Moved
	if code := w.inspect("POST", contract.PathEventsReplay+"?subscription=shop/a&since=2020-01-01T00:00:00Z", nil, &moved); code != 200 {
		t.Fatal(code)
	}
	w.await("by hand", func() bool { return s.count() == 5 })
}

func TestDispatcher_ABadSpecHoldsUpNothingElse(t *testing.T) {
	s := newSubscriber(t, nil)
	w := start(t, Config{}, newDriver(), orders(), subscription("good", s.URL),
		subscription("bad", s.URL, func(s *contract.Subscription) { s.Filter = &contract.Filter{CESQL: "type ="} }),
		subscription("lost", s.URL, func(s *contract.Subscription) { s.Channel.Name = "nowhere" }))
	if err := w.Set("broken", contract.EventsSubscription, []byte("{")); err == nil || !strings.Contains(err.Error(), "broken: key spec.json") {
		t.Errorf("got %v", err)
	}
	w.send("1")
	w.await("the good one works", func() bool { return s.count() == 1 })
	var lags []contract.Lag
	w.inspect("GET", contract.PathEventsLag, nil, &lags)
	texts := map[string]string{}
	for _, l := range lags {
		texts[l.Subscription] = l.State + ": " + l.Text
	}
	if !strings.Contains(texts["shop/bad"], `failing: subscription shop/bad: filter: cesql "type ="`) ||
		texts["shop/lost"] != "failing: channel shop/nowhere is not there" || texts["shop/good"] != "running: " {
		t.Errorf("got %q", texts)
	}
}

func TestInspect_SendsAndTails(t *testing.T) {
	s := newSubscriber(t, nil)
	keepAll := orders()
	keepAll.Retention = contract.Duration(time.Hour)
	w := start(t, Config{}, newDriver(), keepAll, subscription("a", s.URL))
	var sent contract.Sent
	w.inspect("POST", contract.PathEventsSend+"?channel=shop/orders", strings.NewReader(`{"specversion":"1.0","id":"9","source":"/s","type":"t"}`), &sent)
	if sent.ID != "9" || sent.Channel != "shop/orders" {
		t.Fatalf("got %+v", sent)
	}
	server := newServer(w.Inspect().ServeHTTP)
	defer server.Close()
	resp, err := http.Get(server.URL + contract.PathEventsTail + "?channel=shop/orders&since=1h&limit=1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var line contract.StoredEvent
	decode(t, resp.Body, &line)
	var e cloudevents.Event
	if err := e.ReadJSON(line.Event); err != nil || e.ID != "9" || line.Position == "" || line.Stored.IsZero() {
		t.Errorf("got %+v, %v", line, err)
	}
}

func TestInspect_RefusesWhatItCannotMean(t *testing.T) {
	w := start(t, Config{}, newDriver(), orders())
	for path, status := range map[string]int{
		contract.PathEventsTail + "?channel=orders":                              400,
		contract.PathEventsTail + "?channel=shop/none":                           404,
		contract.PathEventsTail + "?channel=shop/orders&since=soon":              400,
		contract.PathEventsTail + "?channel=shop/orders&limit=0":                 400,
		contract.PathEventsTrace:                                                 400,
		contract.PathEventsDead + "?subscription=shop/none":                      404,
		"POST " + contract.PathEventsReplay + "?subscription=shop/none&since=1h": 404,
		"POST " + contract.PathEventsRedrive + "?subscription=x":                 400,
		"POST " + contract.PathEventsSend + "?channel=shop/orders":               400,
	} {
		method, url, ok := strings.Cut(path, " ")
		if !ok {
			method, url = "GET", path
		}
		if got := w.inspect(method, url, nil, nil); got != status {
			t.Errorf("%s: got %d, want %d", path, got, status)
		}
	}
}

func TestMetrics_TellWhatHappened(t *testing.T) {
	s := newSubscriber(t, nil)
	w := start(t, Config{}, newDriver(), orders(), subscription("a", s.URL))
	w.send("1")
	w.await("delivered", func() bool { return w.outcome("1", "shop/a").Outcome == contract.OutcomeDelivered })
	w.post("POST", "http://nobody/", minimal(), "")
	var page bytes.Buffer
	if err := w.WriteMetrics(&page); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`sluice_channel_events_total{namespace="shop",channel="orders"} 1`,
		`sluice_channel_unknown_total 1`,
		`sluice_subscription_delivered_total{namespace="shop",subscription="a"} 1`,
		`sluice_subscription_lag{namespace="shop",subscription="a"} 0`,
		`sluice_subscription_running{namespace="shop",subscription="a"} 1`,
		`# TYPE sluice_subscription_dead_total counter`,
	} {
		if !strings.Contains(page.String(), line+"\n") {
			t.Errorf("%s is missing in\n%s", line, page.String())
		}
	}
}
