package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	k8stesting "k8s.io/client-go/testing"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/runtime/source/memory"
	"github.com/sluice-dev/sluice/schema/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type sink chan cloudevents.Event

func (s sink) Send(ctx context.Context, e *cloudevents.Event) error {
	select {
	case s <- *e:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// server is an API server's list and watches, by script.
type server struct {
	mu      sync.Mutex
	list    *unstructured.UnstructuredList
	watches chan *apiwatch.FakeWatcher
	begun   []string // the resourceVersions that watches began at
}

func newServer() (*server, *dynamicfake.FakeDynamicClient) {
	s := &server{watches: make(chan *apiwatch.FakeWatcher, 10), list: &unstructured.UnstructuredList{}}
	s.list.SetResourceVersion("100")
	s.list.SetAPIVersion("v1")
	s.list.SetKind("PodList")
	c := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
		{Version: "v1", Resource: "pods"}: "PodList", {Version: "v1", Resource: "events"}: "EventList",
	})
	c.PrependReactor("list", "*", func(k8stesting.Action) (bool, runtime.Object, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return true, s.list.DeepCopy(), nil
	})
	c.PrependWatchReactor("*", func(a k8stesting.Action) (bool, apiwatch.Interface, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		w := apiwatch.NewFake()
		s.begun = append(s.begun, a.(k8stesting.WatchActionImpl).ListOptions.ResourceVersion)
		s.watches <- w
		return true, w, nil
	})
	return s, c
}

func mapper() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	for _, kind := range []string{"Pod", "Event"} {
		m.Add(schema.GroupVersionKind{Version: "v1", Kind: kind}, meta.RESTScopeNamespace)
	}
	m.Add(schema.GroupVersionKind{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"}, meta.RESTScopeNamespace)
	return m
}

func run(t *testing.T, spec contract.KubernetesSource, c dynamic.Interface) (sink, func()) {
	t.Helper()
	return remembering(t, spec, c, nil)
}

func remembering(t *testing.T, spec contract.KubernetesSource, c dynamic.Interface, m memory.Memory) (sink, func()) {
	t.Helper()
	got := make(sink, 10)
	ready := make(chan struct{})
	s, err := New(Config{
		Source: contract.Source{Ref: contract.Ref{Namespace: "shop", Name: "watch"}, Kubernetes: &spec},
		Sink:   got, Memory: m, Client: c, Mapper: mapper(), Server: "https://10.0.0.1:443", Ready: func() { close(ready) }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-ready
	return got, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func object(kind, name, version string, more map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": kind}}
	for k, v := range more {
		o.Object[k] = v
	}
	o.SetName(name)
	o.SetNamespace("shop")
	o.SetUID("u-1")
	o.SetResourceVersion(version)
	return o
}

func TestRun_ChangesFromNowOn(t *testing.T) {
	s, c := newServer()
	s.list.Items = []unstructured.Unstructured{*object("Pod", "old", "90", nil)}
	got, stop := run(t, contract.KubernetesSource{Resources: []contract.KubernetesResource{{APIVersion: "v1", Kind: "Pod"}}}, c)
	w := <-s.watches
	w.Add(object("Pod", "web", "101", nil))
	w.Modify(object("Pod", "web", "102", nil))
	w.Delete(object("Pod", "web", "103", nil))
	for i, want := range []string{"add", "update", "delete"} {
		e := <-got
		if e.ID != fmt.Sprint("u-1-", 101+i) || e.Type != "dev.knative.apiserver.ref."+want || e.Subject != "/api/v1/namespaces/shop/pods/web" ||
			e.Source != "https://10.0.0.1:443" || string(e.Data) != `{"apiVersion":"v1","kind":"Pod","name":"web","namespace":"shop"}` || e.Validate() != nil {
			t.Errorf("%+v", e)
		}
	}
	stop()
	if s.begun[0] != "100" || len(got) != 0 {
		t.Errorf("began at %v, %d more", s.begun, len(got))
	}
}

func TestRun_ABrokenWatchGoesOnWhereItWas(t *testing.T) {
	s, c := newServer()
	got, stop := run(t, contract.KubernetesSource{Mode: contract.ModeResource, Resources: []contract.KubernetesResource{{APIVersion: "v1", Kind: "Pod"}}}, c)
	w := <-s.watches
	w.Add(object("Pod", "web", "101", nil))
	<-got
	w.Stop()
	w = <-s.watches
	if s.begun[1] != "101" {
		t.Errorf("went on at %s", s.begun[1])
	}
	// Too old: what is newer comes from a list, and only that.
	s.mu.Lock()
	s.list.SetResourceVersion("200")
	s.list.Items = []unstructured.Unstructured{*object("Pod", "web", "101", nil), *object("Pod", "new", "150", nil)}
	s.mu.Unlock()
	w.Error(&metav1.Status{Status: metav1.StatusFailure, Code: http.StatusGone, Reason: metav1.StatusReasonExpired})
	if e := <-got; e.ID != "u-1-150" || e.Type != "dev.knative.apiserver.resource.update" || !strings.Contains(string(e.Data), `"uid":"u-1"`) {
		t.Errorf("%+v", e)
	}
	<-s.watches
	stop()
	if s.begun[2] != "200" || len(got) != 0 {
		t.Errorf("began at %v, %d more", s.begun, len(got))
	}
}

func TestRun_StartedAgainItGoesOnWhereItWas(t *testing.T) {
	s, c := newServer()
	m := memory.File(filepath.Join(t.TempDir(), "notes"))
	spec := contract.KubernetesSource{Mode: contract.ModeResource, Resources: []contract.KubernetesResource{{APIVersion: "v1", Kind: "Pod"}}}
	got, stop := remembering(t, spec, c, m)
	(<-s.watches).Add(object("Pod", "web", "101", nil))
	<-got
	stop()
	_, stop = remembering(t, spec, c, m)
	<-s.watches
	stop()
	if s.begun[1] != "101" {
		t.Errorf("went on at %s, want 101", s.begun[1])
	}
	// The server was put back to an older state: there is no such version.
	got, stop = remembering(t, spec, c, m)
	defer stop()
	w := <-s.watches
	w.Error(&metav1.Status{Status: metav1.StatusFailure, Code: http.StatusGatewayTimeout, Reason: metav1.StatusReasonTimeout,
		Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: metav1.CauseTypeResourceVersionTooLarge}}}})
	w = <-s.watches
	w.Add(object("Pod", "new", "100", nil))
	if e := <-got; e.ID != "u-1-100" || s.begun[3] != "100" {
		t.Errorf("began at %v, %+v", s.begun, e)
	}
}

// TestRun_EachSelectorRemembersItsOwnPlace: of two watches of one kind the slower
// one does not begin where the faster was.
func TestRun_EachSelectorRemembersItsOwnPlace(t *testing.T) {
	s, c := newServer()
	m := memory.File(filepath.Join(t.TempDir(), "notes"))
	spec := contract.KubernetesSource{Resources: []contract.KubernetesResource{
		{APIVersion: "v1", Kind: "Pod", Selector: "app=a"}, {APIVersion: "v1", Kind: "Pod", Selector: "app=b"}}}
	got, stop := remembering(t, spec, c, m)
	(<-s.watches).Add(object("Pod", "web", "150", nil))
	<-got
	<-s.watches
	stop()
	_, stop = remembering(t, spec, c, m)
	stop()
	if again := slices.Sorted(slices.Values(s.begun[2:])); !slices.Equal(again, []string{"100", "150"}) {
		t.Errorf("went on at %v, want 100 and 150", again)
	}
}

func TestRun_EventsAsIn2018(t *testing.T) {
	s, c := newServer()
	got, stop := run(t, contract.KubernetesSource{Mode: contract.ModeEvents, Resources: []contract.KubernetesResource{{APIVersion: "v1", Kind: "Event"}}}, c)
	defer stop()
	w := <-s.watches
	about := map[string]any{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "namespace": "shop", "name": "deny"}
	o := object("Event", "x", "101", map[string]any{"involvedObject": about, "reason": "Synced", "lastTimestamp": "2026-01-02T03:04:05Z"})
	w.Add(o)
	w.Delete(o)
	counted := o.DeepCopy()
	counted.SetResourceVersion("102")
	w.Modify(counted)
	first, second := <-got, <-got
	if first.ID != "u-1-101" || second.ID != "u-1-102" || first.Type != TypeEvents || first.Subject != "Synced" || first.Time != "2026-01-02T03:04:05Z" ||
		first.Source != "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/deny" {
		t.Errorf("%+v\n%+v", first, second)
	}
	var data map[string]any
	if err := json.Unmarshal(first.Data, &data); err != nil || data["reason"] != "Synced" {
		t.Errorf("%s", first.Data)
	}
}

func TestRun_OnlyOwned(t *testing.T) {
	s, c := newServer()
	got, stop := run(t, contract.KubernetesSource{
		Owner:     &contract.KubernetesOwner{APIVersion: "apps/v1", Kind: "ReplicaSet"},
		Resources: []contract.KubernetesResource{{APIVersion: "v1", Kind: "Pod"}},
	}, c)
	defer stop()
	w := <-s.watches
	w.Add(object("Pod", "alone", "101", nil))
	child := object("Pod", "child", "102", nil)
	child.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "rs"}})
	w.Add(child)
	if e := <-got; e.ID != "u-1-102" {
		t.Errorf("%+v", e)
	}
}

func TestRun_SaysWhatThereIsNot(t *testing.T) {
	_, c := newServer()
	s, err := New(Config{
		Source: contract.Source{Ref: contract.Ref{Namespace: "shop", Name: "watch"}, Kubernetes: &contract.KubernetesSource{
			Resources: []contract.KubernetesResource{{APIVersion: "v1", Kind: "Ghost"}},
		}}, Client: c, Mapper: mapper(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "shop/watch: v1 Ghost: ") {
		t.Errorf("got %v", err)
	}
}
