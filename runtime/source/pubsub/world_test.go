package pubsub

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/runtime/google"
	"github.com/sluice-dev/sluice/schema/contract"
)

// sink answers as told, then hands the event over.
type sink struct {
	got    chan cloudevents.Event
	answer func(e *cloudevents.Event) error
}

func (s *sink) Send(ctx context.Context, e *cloudevents.Event) error {
	if s.answer != nil {
		if err := s.answer(e); err != nil {
			return err
		}
	}
	select {
	case s.got <- *e:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func newSink() *sink { return &sink{got: make(chan cloudevents.Event, 100)} }

// world is a project, on a fake of its own where at is "".
type world struct {
	t      *testing.T
	spec   contract.PubSubSource
	client *pubsub.Client
	server *pstest.Server // nil where it is Google's emulator
}

func newWorld(t *testing.T, at string) *world {
	t.Helper()
	w := &world{t: t, spec: contract.PubSubSource{Project: "shop", Topic: "orders", Endpoint: at}}
	if w.spec.Endpoint == "" {
		w.server = pstest.NewServer()
		t.Cleanup(func() { _ = w.server.Close() })
		w.spec.Endpoint = w.server.Addr
	} else {
		w.spec.Project = fmt.Sprint("p", time.Now().UnixNano()) // the emulator forgets nothing between tests
	}
	options, err := google.Access{Endpoint: w.spec.Endpoint}.Options()
	if err != nil {
		t.Fatal(err)
	}
	if w.client, err = pubsub.NewClient(t.Context(), w.spec.Project, options...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.client.Close() })
	return w
}

func (w *world) topic(id string) *world {
	w.t.Helper()
	_, err := w.client.TopicAdminClient.CreateTopic(w.t.Context(), &pubsubpb.Topic{Name: "projects/" + w.spec.Project + "/topics/" + id})
	if err != nil {
		w.t.Fatal(err)
	}
	return w
}

func (w *world) publish(messages ...*pubsub.Message) {
	w.t.Helper()
	to := w.client.Publisher(w.spec.Topic)
	to.EnableMessageOrdering = true
	defer to.Stop()
	for _, m := range messages {
		if _, err := to.Publish(w.t.Context(), m).Get(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) source(s *sink, ready func()) *Source {
	w.t.Helper()
	src, err := New(Config{
		Source: contract.Source{Ref: contract.Ref{Namespace: "default", Name: "orders"}, PubSub: &w.spec},
		Sink:   s, Ready: ready, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return src
}

// run starts a source and returns when it is ready.
func (w *world) run(s *sink) (stop func()) {
	w.t.Helper()
	ready := make(chan struct{}, 10)
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	src := w.source(s, func() { ready <- struct{}{} })
	go func() { ended <- src.Run(ctx) }()
	await(w.t, ready)
	return func() {
		cancel()
		if err := await(w.t, ended); err != nil {
			w.t.Error(err)
		}
	}
}

func await[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(time.Minute):
		t.Fatal("nothing came in a minute")
		panic("unreachable")
	}
}

func (w *world) subscription(id string) (*pubsubpb.Subscription, error) {
	return w.client.SubscriptionAdminClient.GetSubscription(w.t.Context(), &pubsubpb.GetSubscriptionRequest{
		Subscription: "projects/" + w.spec.Project + "/subscriptions/" + id,
	})
}

// awaitLeases returns when the client has said n times that it has a message. The
// fake would take that for a new lease if it came after the message was handed
// back.
func (w *world) awaitLeases(id string, n int) {
	if w.server == nil {
		return
	}
	w.until("the client has said that it has the message", func() bool {
		leases := 0
		for _, m := range w.server.Message(id).Modacks {
			if m.AckDeadline > 0 {
				leases++
			}
		}
		return leases >= n
	})
}

// until asks the fake, which tells nothing by itself.
func (w *world) until(what string, ask func() bool) {
	for deadline := time.Now().Add(time.Minute); !ask(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Errorf("not within a minute: %s", what)
			return
		}
	}
}
