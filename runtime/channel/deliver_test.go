package channel

import (
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/channel/post"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

func TestDispatcher_EverySubscriptionGetsEveryEvent(t *testing.T) {
	a, b := newSubscriber(t, nil), newSubscriber(t, nil)
	w := start(t, Config{}, newDriver(), orders(), subscription("a", a.URL), subscription("b", b.URL))
	for _, id := range []string{"1", "2", "3"} {
		w.send(id, "subject", "naïve \"q\"", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	}
	w.await("all delivered", func() bool { return a.count() == 3 && b.count() == 3 })
	got := a.got[0]
	if trace, _ := got.Attribute("traceparent"); got.Subject != "naïve \"q\"" || string(got.Data) == "" || trace == "" {
		t.Errorf("got %+v", got)
	}
	w.await("noted", func() bool { return w.outcome("2", "shop/b").Outcome == contract.OutcomeDelivered })
}

func TestDispatcher_FiltersTransformsAndExtends(t *testing.T) {
	s := newSubscriber(t, nil)
	w := start(t, Config{}, newDriver(), orders(), subscription("a", s.URL, func(s *contract.Subscription) {
		s.Filter = &contract.Filter{Exact: map[string]string{"kind": "wanted"}}
		s.Transform = &contract.Transform{Attributes: map[string]string{"type": "event.type + '.seen'"}, Data: "{'is': data.n}"}
		s.Extensions = map[string]string{"tenant": "x"}
		s.Delivery.Format = contract.FormatJSON
	}))
	w.send("1", "kind", "other")
	w.send("2", "kind", "wanted")
	w.await("delivered", func() bool { return s.count() == 1 })
	e := s.got[0]
	if tenant, _ := e.Attribute("tenant"); e.ID != "2" || e.Type != "thing.seen" || tenant != "x" || string(e.Data) != `{"is":"2"}` {
		t.Errorf("got %+v %s", e, e.Data)
	}
	if o := w.outcome("1", "shop/a"); o.Outcome != contract.OutcomeFiltered {
		t.Errorf("got %+v", o)
	}
}

func TestDispatcher_EachAnswerHasItsOutcome(t *testing.T) {
	for _, row := range []struct {
		name     string
		answer   http.HandlerFunc
		outcome  string
		attempts int
		text     string
	}{
		{"404 may come right", http.NotFound, contract.OutcomeDead, 4, "answered 404 Not Found: 404 page not found"},
		{"500", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "db is down", 500) }, contract.OutcomeDead, 4, "answered 500 Internal Server Error: db is down"},
		{"429", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }, contract.OutcomeDead, 4, "answered 429 Too Many Requests"},
		{"400 stays", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such field", 400) }, contract.OutcomeDead, 1, "answered 400 Bad Request: no such field"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/new", http.StatusFound) }, contract.OutcomeDead, 1, `a redirect to "/new", and redirects are not followed`},
		{"hang", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }, contract.OutcomeDead, 4, "it took too long (delivery.timeout)"},
		{"hang-up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, contract.OutcomeDead, 4, "closed without an answer"},
		{"an event that cannot be read", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ce-specversion", "1.0") }, contract.OutcomeDead, 4, "answered with cannot be read: required attribute id"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newRaw(t, row.answer)
			w := start(t, Config{}, newDriver(), orders(), subscription("a", s, func(s *contract.Subscription) {
				s.Delivery.Timeout = contract.Duration(50 * time.Millisecond)
				s.Reply = &contract.Destination{Channel: &contract.Ref{Namespace: "shop", Name: "orders"}}
			}))
			w.send("1")
			w.await("given up", func() bool { return w.outcome("1", "shop/a").Outcome == row.outcome })
			o := w.outcome("1", "shop/a")
			if o.Attempts != row.attempts || !strings.Contains(o.Text, row.text) || !strings.Contains(o.Text, "kept, see `sluice events dead shop/a`") {
				t.Errorf("got %+v", o)
			}
			var dead []contract.DeadEvent
			w.inspect("GET", contract.PathEventsDead+"?subscription=shop/a", nil, &dead)
			if len(dead) != 1 || dead[0].Code != o.Status || !strings.Contains(dead[0].Text, row.text) {
				t.Errorf("dead: %+v", dead)
			}
		})
	}
}

// newRaw is a subscriber that only answers.
func newRaw(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := newServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestDispatcher_GoneStopsTheSubscriptionAndKeepsItsEvents(t *testing.T) {
	t.Run("at the first attempt of several", func(t *testing.T) { testGone(t, 3) })
	t.Run("at the last attempt", func(t *testing.T) { testGone(t, 0) })
}

func testGone(t *testing.T, retry int) {
	var answer atomic.Int32
	answer.Store(http.StatusGone)
	s := newSubscriber(t, func(w http.ResponseWriter, _ cloudevents.Event) { w.WriteHeader(int(answer.Load())) })
	w := start(t, Config{}, newDriver(), orders(), subscription("a", s.URL, func(s *contract.Subscription) { s.Delivery.Retry = retry }))
	w.send("1")
	stopped := func() bool {
		var lags []contract.Lag
		w.inspect("GET", contract.PathEventsLag, nil, &lags)
		return len(lags) == 1 && lags[0].State == contract.StateStopped && strings.Contains(lags[0].Text, "410 Gone") && lags[0].Pending == 1
	}
	w.await("stopped", stopped)
	if o := w.outcome("1", "shop/a"); o.Outcome != contract.OutcomePending || !strings.Contains(o.Text, "stopped: ") || !strings.Contains(o.Text, "edit the subscription to begin again") {
		t.Errorf("its trace says %+v", o)
	}
	w.send("2")
	answer.Store(http.StatusNoContent)
	w.set(subscription("a", s.URL, func(s *contract.Subscription) { s.Concurrency = 1 }))
	w.await("goes on after an edit", func() bool { ids := s.ids(); return slices.Contains(ids, "2") && len(ids) == 3 })
}

func TestDispatcher_RetryAfterIsObeyedUpToItsCap(t *testing.T) {
	var first, second atomic.Int64
	s := newSubscriber(t, func(w http.ResponseWriter, _ cloudevents.Event) {
		if first.CompareAndSwap(0, time.Now().UnixNano()) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		second.Store(time.Now().UnixNano())
	})
	most := contract.Duration(60 * time.Millisecond)
	w := start(t, Config{}, newDriver(), orders(), subscription("a", s.URL, func(s *contract.Subscription) { s.Delivery.RetryAfterMax = &most }))
	w.send("1")
	w.await("delivered", func() bool { return second.Load() > 0 })
	if waited := time.Duration(second.Load() - first.Load()); waited < 60*time.Millisecond {
		t.Errorf("waited %v", waited)
	}
}

func TestDispatcher_RepliesGoOn(t *testing.T) {
	answers := newSubscriber(t, nil)
	s := newSubscriber(t, func(w http.ResponseWriter, e cloudevents.Event) {
		reply := cloudevents.Event{ID: "re-" + e.ID, Source: "/app", Type: "answer"}
		reply.SetHeaders(w.Header())
		w.WriteHeader(http.StatusOK)
	})
	second := orders()
	second.Name, second.Hosts = "answers", []string{"answers"}
	toURL := subscription("a", s.URL, func(s *contract.Subscription) { s.Reply = &contract.Destination{URL: answers.URL} })
	toChannel := subscription("b", s.URL, func(s *contract.Subscription) { s.Reply = &contract.Destination{Channel: &second.Ref} })
	follows := subscription("c", answers.URL, func(s *contract.Subscription) { s.Channel = second.Ref })
	w := start(t, Config{}, newDriver(), orders(), second, toURL, toChannel, follows)
	w.send("1", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	w.await("both replies", func() bool { return answers.count() == 2 })
	withTTL := 0
	for _, e := range answers.got {
		if trace, _ := e.Attribute("traceparent"); trace == "" || e.Type != "answer" {
			t.Errorf("got %+v", e)
		}
		if ttl, ok := e.Attribute(contract.ExtensionTTL); ok && ttl == "254" {
			withTTL++
		}
	}
	if withTTL != 1 {
		t.Errorf("%d replies count down", withTTL)
	}
}

// TestDispatcher_AReplyIsNoLargerThanItsChannelTakes, and asking for it again makes
// it no smaller.
func TestDispatcher_AReplyIsNoLargerThanItsChannelTakes(t *testing.T) {
	s := newSubscriber(t, func(w http.ResponseWriter, e cloudevents.Event) {
		e.SetData("text/plain", []byte(strings.Repeat("x", 1025)))
		e.SetHeaders(w.Header())
		_, _ = w.Write(e.Data)
	})
	small := orders()
	small.Name, small.Hosts, small.MaxBytes = "answers", []string{"answers"}, 1024
	w := start(t, Config{}, newDriver(), orders(), small, subscription("a", s.URL, func(s *contract.Subscription) { s.Reply = &contract.Destination{Channel: &small.Ref} }))
	w.send("1")
	w.await("given up", func() bool { return w.outcome("1", "shop/a").Outcome == contract.OutcomeDead })
	if o := w.outcome("1", "shop/a"); s.count() != 1 || o.Status != http.StatusRequestEntityTooLarge || !strings.Contains(o.Text, "reply: channel shop/answers: the event has more than the 1024 bytes") {
		t.Errorf("after %d attempts: %+v", s.count(), o)
	}
}

func TestDispatcher_WithoutASubscriberTheEventGoesToReply(t *testing.T) {
	s := newSubscriber(t, nil)
	w := start(t, Config{}, newDriver(), orders(), subscription("a", "", func(c *contract.Subscription) {
		c.Subscriber, c.Reply = nil, &contract.Destination{URL: s.URL}
	}))
	w.send("1")
	w.await("delivered", func() bool { return slices.Equal(s.ids(), []string{"1"}) })
}

func TestDispatcher_CirclesEnd(t *testing.T) {
	var n atomic.Int64
	s := newSubscriber(t, func(w http.ResponseWriter, e cloudevents.Event) {
		n.Add(1)
		e.SetHeaders(w.Header())
		w.WriteHeader(http.StatusOK)
	})
	ref := orders().Ref
	w := start(t, Config{}, newDriver(), orders(), subscription("a", s.URL, func(s *contract.Subscription) { s.Reply = &contract.Destination{Channel: &ref} }))
	w.send("1", contract.ExtensionTTL, "5")
	w.await("the circle ends", func() bool { return w.allWorkers("")[0].count.dropped.Load() == 1 })
	if n.Load() != 5 {
		t.Errorf("%d turns", n.Load())
	}
	w.await("its trace says so", func() bool {
		return strings.Contains(w.outcome("1", "shop/a").Text, "was dropped: events go in a circle")
	})
}

// TestDispatcher_CirclesOfOtherKindsEndToo:
// channels that subscribe to one another, one by its address; and dead letters that
// two channels write to each other. What is stopped there is kept.
func TestDispatcher_CirclesOfOtherKindsEndToo(t *testing.T) {
	back := orders()
	back.Name, back.Hosts = "back", contract.ChannelHosts("shop", "back")
	to := func(c contract.Channel) *contract.Destination { return &contract.Destination{Channel: &c.Ref} }
	refuses := newSubscriber(t, func(w http.ResponseWriter, _ cloudevents.Event) { http.Error(w, "never", http.StatusBadRequest) })
	for _, row := range []struct {
		name, text  string
		there, home func(*contract.Subscription)
	}{
		{"subscribers", " does not get it: events go in a circle",
			func(s *contract.Subscription) {
				s.Subscriber = &contract.Destination{URL: contract.ChannelURL("shop", "back")}
			},
			func(s *contract.Subscription) { s.Subscriber = to(orders()) }},
		{"dead letters", "answered 400 Bad Request: never; the dead letter sink failed too: channel shop/",
			func(s *contract.Subscription) { s.DeadLetter = to(back) },
			func(s *contract.Subscription) { s.DeadLetter = to(orders()) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			var w *world
			ingress := newServer(func(rw http.ResponseWriter, r *http.Request) { w.Ingress().ServeHTTP(rw, r) })
			defer ingress.Close()
			dial := func(ctx context.Context, network, address string) (net.Conn, error) {
				if strings.HasSuffix(address, ".cluster.local:80") {
					address = ingress.Listener.Addr().String()
				}
				return (&net.Dialer{}).DialContext(ctx, network, address)
			}
			w = start(t, Config{Client: post.New(post.Config{Dial: dial})}, newDriver(), orders(), back, subscription("there", refuses.URL, row.there),
				subscription("home", refuses.URL, func(s *contract.Subscription) { s.Channel = back.Ref }, row.home))
			w.send("1", contract.ExtensionTTL, "100000") // no sender makes it longer
			dead := func() []contract.DeadEvent {
				var all []contract.DeadEvent
				for _, name := range []string{"there", "home"} {
					var some []contract.DeadEvent
					w.inspect("GET", contract.PathEventsDead+"?subscription=shop/"+name, nil, &some)
					all = append(all, some...)
				}
				return all
			}
			w.await("the circle ends", func() bool { return len(dead()) == 1 })
			if text := dead()[0].Text; !strings.Contains(text, row.text) || !strings.Contains(text, "events go in a circle") {
				t.Errorf("it says %s", text)
			}
		})
	}
}

func TestDispatcher_DeadLettersCarryWhatWentWrong(t *testing.T) {
	s := newSubscriber(t, func(w http.ResponseWriter, _ cloudevents.Event) { http.Error(w, "never", http.StatusTeapot) })
	dead := newSubscriber(t, nil)
	w := start(t, Config{}, newDriver(), orders(), subscription("a", s.URL, func(s *contract.Subscription) { s.DeadLetter = &contract.Destination{URL: dead.URL} }))
	w.send("1")
	w.await("dead-lettered", func() bool { return dead.count() == 1 })
	e := dead.got[0]
	url, _ := e.Attribute(contract.ExtensionErrorDest)
	code, _ := e.Attribute(contract.ExtensionErrorCode)
	data, _ := e.Attribute(contract.ExtensionErrorData)
	text, _ := base64.StdEncoding.DecodeString(data)
	if e.ID != "1" || url != s.URL || code != "418" || string(text) != "never\n" {
		t.Errorf("got %+v %s", e, text)
	}
	w.await("noted", func() bool { return strings.Contains(w.outcome("1", "shop/a").Text, "sent to "+dead.URL) })
}

func TestDispatcher_KeepsDeadEventsWhereTheSinkFailsAndRedrivesThem(t *testing.T) {
	var well atomic.Bool
	answer := func(w http.ResponseWriter, _ cloudevents.Event) {
		if !well.Load() {
			http.Error(w, "not today", http.StatusBadRequest)
		}
	}
	s, other := newSubscriber(t, answer), newSubscriber(t, nil)
	w := start(t, Config{}, newDriver(), orders(), subscription("b", other.URL),
		subscription("a", s.URL, func(c *contract.Subscription) { c.DeadLetter = &contract.Destination{URL: s.URL} }))
	for _, id := range []string{"1", "2", "3"} {
		w.send(id)
		w.await("dead", func() bool { return w.outcome(id, "shop/a").Outcome == contract.OutcomeDead })
	}
	if o := w.outcome("1", "shop/a"); !strings.Contains(o.Text, "not today; the dead letter sink failed too") {
		t.Errorf("got %+v", o)
	}
	var moved contract.Moved
	w.inspect("POST", contract.PathEventsRedrive+"?subscription=shop/a", nil, &moved)
	if moved.Events != 3 {
		t.Errorf("%d were redriven in vain, want 3 once each", moved.Events)
	}
	w.await("dead again", func() bool { return w.allWorkers("shop")[0].count.dead.Load() == 6 })
	well.Store(true)
	before := s.count()
	w.inspect("POST", contract.PathEventsRedrive+"?subscription=shop/a&id=2", nil, &moved)
	w.await("one redriven", func() bool { return moved.Events == 1 && s.count() == before+1 })
	w.inspect("POST", contract.PathEventsRedrive+"?subscription=shop/a", nil, &moved)
	w.await("the rest redriven", func() bool { return moved.Events == 2 && s.count() == before+3 })
	var dead []contract.DeadEvent
	w.inspect("GET", contract.PathEventsDead+"?subscription=shop/a", nil, &dead)
	if len(dead) != 0 || other.count() != 3 {
		t.Errorf("%d are still dead; the other subscription got %v", len(dead), other.ids())
	}
}

func TestDispatcher_OrderPerKey(t *testing.T) {
	var failed atomic.Bool
	s := newSubscriber(t, func(w http.ResponseWriter, e cloudevents.Event) {
		if e.ID == "a1" && failed.CompareAndSwap(false, true) {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	w := start(t, Config{}, newDriver(), orders(), subscription("a", s.URL, func(s *contract.Subscription) {
		s.Order, s.Delivery.BackoffDelay = "account", contract.Duration(50*time.Millisecond)
	}))
	w.send("a1", "account", "a")
	w.send("a2", "account", "a")
	w.send("b1", "account", "b")
	w.await("all", func() bool { return s.count() == 4 })
	if ids := s.ids(); slices.Index(ids, "a2") != 3 || !slices.Contains(ids[:3], "b1") {
		t.Errorf("got %v: a2 has to wait for a1, b1 for nobody", ids)
	}
}

func TestDispatcher_LeavesDuplicatesOut(t *testing.T) {
	s := newSubscriber(t, nil)
	w := start(t, Config{}, newDriver(), orders(), subscription("a", s.URL, func(s *contract.Subscription) { s.Dedupe = contract.Duration(time.Minute) }))
	for _, id := range []string{"1", "1", "2"} {
		w.send(id)
	}
	sub := w.allWorkers("")[0].sub
	w.await("all are done", func() bool { st := sub.Stats(); return st.Acked == 2 && st.Duplicates == 1 })
	if ids := s.ids(); len(ids) != 2 || !slices.Contains(ids, "1") || !slices.Contains(ids, "2") {
		t.Errorf("got %v", ids)
	}
}
