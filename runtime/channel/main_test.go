package channel

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/memory"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(envChaos); role != "" {
		fmt.Fprintln(os.Stderr, role, chaosRole(role))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// world is a dispatcher on one memory bus.
type world struct {
	*Dispatcher
	t      testing.TB
	driver bus.Driver
	stop   func()
}

// keep is a driver that outlives the dispatcher.
type keep struct{ *memory.Bus }

func (keep) Close() error { return nil }

func newDriver() bus.Driver {
	return keep{memory.New(memory.Config{Log: slog.New(slog.DiscardHandler)})}
}

// start runs a dispatcher with the specs given: channels and subscriptions.
func start(t testing.TB, cfg Config, driver bus.Driver, specs ...any) *world {
	t.Helper()
	if cfg.Open == nil {
		cfg.Open = func(context.Context, contract.Bus) (bus.Driver, bus.Promises, error) {
			return driver, memory.Promises, nil
		}
	}
	if cfg.Settle == 0 {
		cfg.Settle = time.Millisecond
	}
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Dispatcher: d, t: t, driver: driver}
	for _, spec := range specs {
		w.set(spec)
	}
	d.Synced()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := d.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	w.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(w.stop)
	w.await("ready", d.Ready)
	return w
}

func (w *world) set(spec any) {
	w.t.Helper()
	kind, ref := "", contract.Ref{}
	switch s := spec.(type) {
	case contract.Channel:
		kind, ref = contract.EventsChannel, s.Ref
	case contract.Subscription:
		kind, ref = contract.EventsSubscription, s.Ref
	case contract.Bus:
		kind, ref = contract.EventsBus, s.Ref
	}
	b, err := json.Marshal(spec)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.Set(objectOf(kind, ref), kind, b); err != nil {
		w.t.Fatal(err)
	}
}

func objectOf(kind string, ref contract.Ref) string { return kind + " " + ref.String() }

// await waits until a condition holds.
func (w *world) await(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			w.t.Fatalf("in vain awaited: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// post sends a request to the ingress.
func (w *world) post(method, url string, h http.Header, body string) *http.Response {
	r := httptest.NewRequest(method, url, strings.NewReader(body))
	for key, values := range h {
		r.Header[http.CanonicalHeaderKey(key)] = values
	}
	rec := httptest.NewRecorder()
	w.Ingress().ServeHTTP(rec, r)
	return rec.Result()
}

// send has a channel take an event.
func (w *world) send(id string, attributes ...string) {
	w.t.Helper()
	e := cloudevents.Event{ID: id, Source: "/test", Type: "thing"}
	for i := 0; i < len(attributes); i += 2 {
		if err := e.Set(attributes[i], attributes[i+1]); err != nil {
			w.t.Fatal(err)
		}
	}
	e.SetData("application/json", fmt.Appendf(nil, `{"n": %q}`, id))
	h := http.Header{}
	e.SetHeaders(h)
	if resp := w.post("POST", contract.ChannelURL("shop", "orders"), h, string(e.Data)); resp.StatusCode != http.StatusAccepted {
		b, _ := io.ReadAll(resp.Body)
		w.t.Fatalf("event %s: %d %s", id, resp.StatusCode, b)
	}
}

// orders is a channel.
func orders() contract.Channel {
	return contract.Channel{Ref: contract.Ref{Namespace: "shop", Name: "orders"}, Hosts: contract.ChannelHosts("shop", "orders")}
}

// subscription subscribes an address to it.
func subscription(name, url string, change ...func(*contract.Subscription)) contract.Subscription {
	s := contract.Subscription{
		Ref: contract.Ref{Namespace: "shop", Name: name}, Channel: orders().Ref, From: contract.FromOldest,
		Subscriber: &contract.Destination{URL: url},
		Delivery:   contract.Delivery{Retry: 3, BackoffDelay: contract.Duration(time.Millisecond), Timeout: contract.Duration(2 * time.Second)},
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

// subscriber is an HTTP server that notes what it got.
type subscriber struct {
	*httptest.Server
	mu  sync.Mutex
	got []cloudevents.Event
}

// newSubscriber answers as h says; nil is 202.
func newSubscriber(t testing.TB, h func(w http.ResponseWriter, e cloudevents.Event)) *subscriber {
	t.Helper()
	s := &subscriber{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		events, err := cloudevents.FromHTTP(r.Header, body)
		if err != nil {
			t.Errorf("subscriber got %v %s: %v", r.Header, body, err)
			return
		}
		s.mu.Lock()
		s.got = append(s.got, events[0])
		s.mu.Unlock()
		if h == nil {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		h(w, events[0])
	}))
	t.Cleanup(s.Close)
	return s
}

func newServer(h http.HandlerFunc) *httptest.Server { return httptest.NewServer(h) }

// ids are the events it got, in order.
func (s *subscriber) ids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, e := range s.got {
		ids = append(ids, e.ID)
	}
	return ids
}

func (s *subscriber) count() int { return len(s.ids()) }

// inspect asks the admin pages.
func (w *world) inspect(method, path string, body io.Reader, into any) int {
	w.t.Helper()
	r := httptest.NewRequest(method, path, body)
	if body != nil {
		r.Header.Set("Content-Type", cloudevents.MediaTypeJSON)
	}
	rec := httptest.NewRecorder()
	w.Inspect().ServeHTTP(rec, r)
	if rec.Code == http.StatusOK && into != nil {
		if err := json.Unmarshal(rec.Body.Bytes(), into); err != nil {
			w.t.Fatalf("%s: %v", rec.Body, err)
		}
	}
	if rec.Code != http.StatusOK {
		w.t.Logf("%s: %d %s", path, rec.Code, rec.Body)
	}
	return rec.Code
}

// outcome is what became of an event at a subscription.
func (w *world) outcome(id, sub string) contract.Stop {
	w.t.Helper()
	var trails []contract.Trail
	w.inspect("GET", contract.PathEventsTrace+"?id="+id, nil, &trails)
	for _, tr := range trails {
		for _, s := range tr.Stops {
			if s.Subscription == sub {
				return s
			}
		}
	}
	return contract.Stop{}
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decode(t testing.TB, r io.Reader, into any) {
	t.Helper()
	if err := json.NewDecoder(r).Decode(into); err != nil {
		t.Fatal(err)
	}
}
