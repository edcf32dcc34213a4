package kube_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	networking "istio.io/api/networking/v1"
	istio "istio.io/client-go/pkg/apis/networking/v1"
	istiofake "istio.io/client-go/pkg/clientset/versioned/fake"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	"github.com/sluice-dev/sluice/runtime/activator"
	"github.com/sluice-dev/sluice/runtime/gateway"
	"github.com/sluice-dev/sluice/runtime/kube"
	"github.com/sluice-dev/sluice/runtime/proxy"
	"github.com/sluice-dev/sluice/schema/contract"
)

// The fake clients do not send the bookmark that ends a streamed list.
func TestMain(m *testing.M) {
	if err := os.Setenv("KUBE_FEATURE_WatchListClient", "false"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// told records what a Watcher tells.
type told struct {
	pods, gone chan *corev1.Pod
	routes     chan *istio.VirtualService
	routesGone chan string
}

func newTold() *told {
	return &told{make(chan *corev1.Pod, 100), make(chan *corev1.Pod, 100), make(chan *istio.VirtualService, 100), make(chan string, 100)}
}

func (s *told) SetPod(p *corev1.Pod)              { s.pods <- p }
func (s *told) DeletePod(p *corev1.Pod)           { s.gone <- p }
func (s *told) SetRoute(vs *istio.VirtualService) { s.routes <- vs }
func (s *told) DeleteRoute(ns, name string)       { s.routesGone <- ns + "/" + name }

// watch runs a Watcher until the test ends.
func watch(t *testing.T, cfg kube.Config) *kube.Watcher {
	t.Helper()
	w, err := kube.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return w
}

func synced(t *testing.T, w *kube.Watcher) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for !w.HasSynced() {
		select {
		case <-deadline:
			t.Fatal("never synced")
		case <-time.After(time.Millisecond): // it is asked, as a kubelet asks
		}
	}
}

func pod(name, revision, addr string) *corev1.Pod {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		panic(err)
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: name, UID: "u", Labels: map[string]string{contract.LabelRevision: revision, "app": "x"},
			Annotations: map[string]string{
				contract.AnnotationLimits: `{"port":8080,"protocol":"http1"}`,
				contract.AnnotationPorts:  fmt.Sprintf(`{"8080":%s}`, port), "other": "x",
			},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "m"}},
		},
		Spec: corev1.PodSpec{NodeName: "n", Containers: []corev1.Container{{Name: "app", Image: "i", Env: []corev1.EnvVar{{Name: "A"}}, Ports: []corev1.ContainerPort{{ContainerPort: 8080}}}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: host, Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, {Type: corev1.PodReady, Status: corev1.ConditionTrue, Message: "m"},
		}},
	}
}

func virtualService(name, revision string) *istio.VirtualService {
	return &istio.VirtualService{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{contract.LabelRoute: name}},
		Spec: networking.VirtualService{
			Hosts: []string{name + ".default.localhost"}, Gateways: []string{contract.Gateway},
			Http: []*networking.HTTPRoute{{Route: []*networking.HTTPRouteDestination{{
				Destination: &networking.Destination{Host: contract.ActivatorHost},
				Headers: &networking.Headers{Request: &networking.Headers_HeaderOperations{Set: map[string]string{
					contract.HeaderNamespace: "default", contract.HeaderRevision: revision}}},
			}}}},
		},
	}
}

func TestWatcher_TellsWhatIsThereAndWhatChanges(t *testing.T) {
	k8s, ist := fake.NewClientset(pod("p", "hello-1", "10.0.0.1:1")), istiofake.NewSimpleClientset(virtualService("hello", "hello-1"))
	s := newTold()
	w := watch(t, kube.Config{Kubernetes: k8s, Istio: ist, Pods: s, Routes: s})
	if p := <-s.pods; p.Name != "p" {
		t.Errorf("got %s", p.Name)
	}
	if vs := <-s.routes; vs.Name != "hello" {
		t.Errorf("got %s", vs.Name)
	}
	synced(t, w)
	if err := k8s.CoreV1().Pods("default").Delete(t.Context(), "p", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if p := <-s.gone; p.Name != "p" || p.Labels[contract.LabelRevision] != "hello-1" {
		t.Errorf("got %+v", p)
	}
	if err := ist.NetworkingV1().VirtualServices("default").Delete(t.Context(), "hello", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if name := <-s.routesGone; name != "default/hello" {
		t.Errorf("got %s", name)
	}
}

func TestWatcher_PodsCarryOnlyWhatIsRead(t *testing.T) {
	s := newTold()
	watch(t, kube.Config{Kubernetes: fake.NewClientset(pod("p", "hello-1", "10.0.0.1:41234")), Istio: istiofake.NewSimpleClientset(), Pods: s, Routes: s})
	got := <-s.pods
	got.ResourceVersion = ""
	want := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "p", UID: "u", Labels: map[string]string{contract.LabelRevision: "hello-1"},
			Annotations: map[string]string{contract.AnnotationLimits: `{"port":8080,"protocol":"http1"}`, contract.AnnotationPorts: `{"8080":41234}`},
		},
		Spec: corev1.PodSpec{NodeName: "n", Containers: []corev1.Container{{Name: "app", Ports: []corev1.ContainerPort{{ContainerPort: 8080}}}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1", Conditions: []corev1.PodCondition{
			{Type: corev1.PodReady, Status: corev1.ConditionTrue},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWatcher_IsNotSyncedBeforeBothAreAndTriesAgain(t *testing.T) {
	ist := istiofake.NewSimpleClientset()
	var failures atomic.Int64
	failing := make(chan struct{})
	ist.PrependReactor("list", "virtualservices", func(k8stesting.Action) (bool, runtime.Object, error) {
		if n := failures.Add(1); n <= 2 {
			if n == 2 {
				close(failing)
			}
			return true, nil, errors.New("the API server is down")
		}
		return false, nil, nil
	})
	s := newTold()
	w := watch(t, kube.Config{Kubernetes: fake.NewClientset(pod("p", "hello-1", "10.0.0.1:1")), Istio: ist, Pods: s, Routes: s})
	<-s.pods
	<-failing
	if w.HasSynced() {
		t.Error("synced without routes")
	}
	synced(t, w)
}

func TestWatcher_ARequestFindsItsWayThroughTheWholeHouse(t *testing.T) {
	app := func(name string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) }))
		t.Cleanup(func() {
			s.CloseClientConnections()
			s.Close()
		})
		return s.Listener.Addr().String()
	}
	k8s := fake.NewClientset(pod("p1", "hello-1", app("one")), pod("p2", "hello-2", app("two")))
	ist := istiofake.NewSimpleClientset(virtualService("hello", "hello-1"))

	p := proxy.New(proxy.Config{})
	act := activator.New(activator.Config{Proxy: p})
	table := gateway.NewTable(nil)
	w := watch(t, kube.Config{Kubernetes: k8s, Istio: ist, Pods: act, Routes: table})
	handler, err := gateway.New(gateway.Config{Table: table, Next: act, Synced: w.HasSynced})
	if err != nil {
		t.Fatal(err)
	}
	server, err := activator.NewServer(activator.ServerConfig{Listen: "127.0.0.1:0", Handler: handler, Drainer: p, Ready: []func() bool{w.HasSynced}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- act.Run(ctx) }()
	go func() { done <- server.Run(ctx) }()
	<-server.Bound()
	synced(t, w)

	tr := &http.Transport{}
	ask := func(host string) (int, string) {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+server.Addr().String(), nil)
		req.Host = host
		res, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b)
	}
	if code, body := ask("hello.default.localhost:8080"); code != 200 || body != "one" {
		t.Errorf("%d %q", code, body)
	}
	if code, _ := ask("nobody.default.localhost"); code != 404 {
		t.Errorf("unknown host: %d", code)
	}
	// A rollout: the next request after the change goes to the new revision.
	moved := virtualService("hello", "hello-2")
	if _, err := ist.NetworkingV1().VirtualServices("default").Update(t.Context(), moved, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for body := ""; body != "two"; _, body = ask("hello.default.localhost") {
		if time.Now().After(deadline) {
			t.Fatal("traffic never moved")
		}
	}
	tr.CloseIdleConnections()
	cancel()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
