package pubsub

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

var stories = map[string]func(t *testing.T, at string){
	"sends what is published":              runSendsWhatIsPublished,
	"acknowledges only what the sink took": runAcknowledgesOnlyWhatTheSinkTook,
	"keeps the order of a key":             runKeepsTheOrderOfAKey,
	"waits for the topic":                  runWaitsForTheTopic,
	"follows the topic":                    ensureFollowsTheTopic,
	"removes only its own":                 removeOnlyItsOwn,
	"takes the user's own subscription":    ensureOnesOwnSubscription,
}

func TestSource(t *testing.T) {
	for name, story := range stories {
		t.Run(name, func(t *testing.T) { story(t, "") })
	}
}

// TestSource_Real is the same on Google's emulator; make buses starts one.
func TestSource_Real(t *testing.T) {
	endpoint := os.Getenv("SLUICE_PUBSUB")
	if endpoint == "" {
		t.Skip("SLUICE_PUBSUB names no emulator; make buses starts one")
	}
	for name, story := range stories {
		t.Run(name, func(t *testing.T) { story(t, endpoint) })
	}
}

func runSendsWhatIsPublished(t *testing.T, at string) {
	w := newWorld(t, at).topic("orders")
	s := newSink()
	stop := w.run(s)
	w.publish(&pubsub.Message{Data: []byte("one")}, &pubsub.Message{Data: []byte("two")})
	seen := map[string]bool{}
	for range 2 {
		e := await(t, s.got)
		seen[e.ID] = true
		if e.Type != Type || !strings.Contains(string(e.Data), `"message":{`) {
			t.Errorf("%+v", e)
		}
	}
	if len(seen) != 2 {
		t.Errorf("ids %v", seen)
	}
	stop()
	// What comes meanwhile is not missed, what was acknowledged comes not again.
	w.publish(&pubsub.Message{Data: []byte("three")})
	defer w.run(s)()
	if e := await(t, s.got); seen[e.ID] || !strings.Contains(string(e.Data), "dGhyZWU=") {
		t.Errorf("after a restart: %s", e.Data)
	}
	if have, err := w.subscription("sluice.default.orders"); err != nil || have.AckDeadlineSeconds != 10 || !have.EnableMessageOrdering {
		t.Errorf("%v, %v", have, err)
	}
}

func runAcknowledgesOnlyWhatTheSinkTook(t *testing.T, at string) {
	w := newWorld(t, at).topic("orders")
	refusals := 0
	s := newSink()
	s.answer = func(e *cloudevents.Event) error {
		if refusals++; refusals <= 2 {
			w.awaitLeases(e.ID, refusals)
			return errors.New("the sink refuses the event: 400")
		}
		return nil
	}
	defer w.run(s)()
	w.publish(&pubsub.Message{Data: []byte("one")})
	e := await(t, s.got)
	if refusals != 3 {
		t.Errorf("it was sent %d times, want 3", refusals)
	}
	if w.server == nil {
		return // the emulator does not tell
	}
	w.until("it is acknowledged", func() bool { return w.server.Message(e.ID).Acks > 0 })
	if m := w.server.Message(e.ID); m.Acks != 1 || m.Deliveries != 3 {
		t.Errorf("acknowledged %d times, delivered %d times", m.Acks, m.Deliveries)
	}
}

func runKeepsTheOrderOfAKey(t *testing.T, at string) {
	w := newWorld(t, at).topic("orders")
	s := newSink()
	defer w.run(s)()
	var all []*pubsub.Message
	for i := range 20 {
		all = append(all, &pubsub.Message{Data: []byte{byte(i)}, OrderingKey: "a", Attributes: map[string]string{"n": fmt.Sprint(i)}})
	}
	w.publish(all...)
	for i := range 20 {
		if e := await(t, s.got); !strings.Contains(string(e.Data), fmt.Sprintf(`"n":"%d"`, i)) {
			t.Fatalf("message %d is %s", i, e.Data)
		}
	}
}

func runWaitsForTheTopic(t *testing.T, at string) {
	w := newWorld(t, at)
	ready := make(chan struct{}, 1)
	src := w.source(newSink(), func() { ready <- struct{}{} })
	if err := src.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer src.client.Close()
	if err := src.ensure(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no topic projects/"+w.spec.Project+"/topics/orders yet: make it") {
		t.Errorf("got %v", err)
	}
	w.topic("orders")
	if err := src.ensure(t.Context()); err != nil {
		t.Error(err)
	}
}

func ensureFollowsTheTopic(t *testing.T, at string) {
	w := newWorld(t, at).topic("orders").topic("returns")
	w.run(newSink())()
	w.spec.Topic = "returns"
	w.run(newSink())()
	have, err := w.subscription("sluice.default.orders")
	if err != nil || have.Topic != "projects/"+w.spec.Project+"/topics/returns" {
		t.Errorf("%v, %v", have, err)
	}
}

func removeOnlyItsOwn(t *testing.T, at string) {
	w := newWorld(t, at).topic("orders")
	w.run(newSink())()
	for range 2 { // that there is none is fine
		if err := w.source(newSink(), nil).Remove(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.subscription("sluice.default.orders"); status.Code(err) != codes.NotFound {
		t.Errorf("it is still there: %v", err)
	}
	for _, c := range []struct{ id, use, want string }{
		{"sluice.default.orders", "", "was not made by this platform and is left alone"},
		{"mine", "mine", ""},
	} {
		_, err := w.client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
			Name: "projects/" + w.spec.Project + "/subscriptions/" + c.id, Topic: "projects/" + w.spec.Project + "/topics/orders",
		})
		if err != nil {
			t.Fatal(err)
		}
		w.spec.Subscription = c.use
		err = w.source(newSink(), nil).Remove(t.Context())
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", c.id, err)
		}
		if _, err := w.subscription(c.id); err != nil {
			t.Errorf("%s was removed: %v", c.id, err)
		}
	}
}

func ensureOnesOwnSubscription(t *testing.T, at string) {
	w := newWorld(t, at).topic("orders").topic("returns")
	w.spec.Subscription = "mine"
	src := w.source(newSink(), nil)
	if err := src.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer src.client.Close()
	if err := src.ensure(t.Context()); err == nil || !strings.Contains(err.Error(), "make it, or leave its name out") {
		t.Errorf("not there: %v", err)
	}
	_, err := w.client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name: "projects/" + w.spec.Project + "/subscriptions/mine", Topic: "projects/" + w.spec.Project + "/topics/returns",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := src.ensure(t.Context()); err == nil || !strings.Contains(err.Error(), "is of topic projects/"+w.spec.Project+"/topics/returns") {
		t.Errorf("of another topic: %v", err)
	}
}

func TestNew_SaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name, credentials string
		spec              *contract.PubSubSource
		want              string
	}{
		{"no topic", "", &contract.PubSubSource{}, "pubsub: the source names no topic"},
		{"no JSON", "sesame", &contract.PubSubSource{Topic: "t"}, "default/orders: the credentials are no JSON"},
		{"no port", "", &contract.PubSubSource{Topic: "t", Endpoint: "localhost"}, `default/orders: endpoint "localhost": write host:port`},
	} {
		_, err := New(Config{Source: contract.Source{Ref: contract.Ref{Namespace: "default", Name: "orders"}, PubSub: c.spec}, Credentials: c.credentials})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: got %v", c.name, cmp.Or(err, errors.New("nothing")))
		}
	}
}
