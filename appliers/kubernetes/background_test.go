package kubernetes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/appliers/kubernetes"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/schema/contract"
)

// events are the Events that the server has.
func (p pair) events(t *testing.T) []corev1.Event {
	t.Helper()
	resp, err := http.Get(p.server.REST().Host + "/api/v1/namespaces/default/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var list corev1.EventList
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return list.Items
}

func TestEvents_AreWrittenAndCountedUp(t *testing.T) {
	p := newPair(t)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	events, err := kubernetes.NewEvents(kubernetes.EventsConfig{API: p.api, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	about := manifest.ID{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "hello"}
	ready := kubernetes.Event{About: about, UID: "u", Reason: "RevisionReady", Message: "it serves"}
	for range 3 {
		events.Record(ready)
	}
	events.Record(kubernetes.Event{About: about, UID: "u", Warning: true, Reason: "RevisionFailed", Message: "it does not"})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- events.Run(ctx) }()
	deadline := time.After(10 * time.Second)
	for len(p.events(t)) < 2 {
		select {
		case <-deadline:
			t.Fatal("no events")
		case <-time.After(5 * time.Millisecond):
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	got := map[string]string{}
	for _, e := range p.events(t) {
		got[e.Reason] = fmt.Sprintf("%s %s %d %s", e.Type, e.Message, e.Count, e.InvolvedObject.Name)
	}
	if got["RevisionReady"] != "Normal it serves 3 hello" || got["RevisionFailed"] != "Warning it does not 1 hello" || events.Dropped() != 0 {
		t.Errorf("got %v, %d dropped", got, events.Dropped())
	}
}

func TestEvents_NobodyWaitsForAServerThatIsAway(t *testing.T) {
	p := newPair(t)
	p.server.Fault(func(*http.Request) *metav1.Status { return failure(503, "away", nil) })
	events, err := kubernetes.NewEvents(kubernetes.EventsConfig{API: p.api, Queue: 2})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		events.Record(kubernetes.Event{Reason: fmt.Sprint(i)}) // nothing takes them off the queue yet
	}
	if events.Dropped() != 3 {
		t.Errorf("%d dropped", events.Dropped())
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- events.Run(ctx) }()
	deadline := time.After(10 * time.Second)
	for events.Dropped() < 5 {
		select {
		case <-deadline:
			t.Fatalf("%d dropped", events.Dropped())
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	<-done
}

func TestPods_AskOnlyForTheRevisionsOwn(t *testing.T) {
	p := newPair(t)
	pods, err := kubernetes.NewPods(kubernetes.PodsConfig{API: p.api})
	if err != nil {
		t.Fatal(err)
	}
	for name, revision := range map[string]string{"mine": "hello-1", "other": "hello-2"} {
		id := manifest.ID{APIVersion: "v1", Kind: "Pod", Namespace: "default", Name: name}
		body := fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":%q,"labels":{%q:%q}},"status":{"phase":"Failed","reason":"Evicted","message":%q}}`, name, contract.LabelRevision, revision, name)
		if _, err := p.api.Patch(t.Context(), id, []byte(body), "kubelet", true); err != nil {
			t.Fatal(err)
		}
	}
	got, err := pods.Trouble(t.Context(), "default", "hello-1")
	if err != nil || got.Reason != "Evicted" || got.Message != "mine" {
		t.Errorf("got %+v, %v", got, err)
	}
	got, err = pods.Trouble(t.Context(), "nowhere", "hello-1")
	if err != nil || got.Reason != "" {
		t.Errorf("got %+v, %v", got, err)
	}
}
