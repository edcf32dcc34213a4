package activator

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

func TestActivator_ATerminatingPodFinishesWhatItHasAndGetsNothingNew(t *testing.T) {
	old, fresh := newGate(), newGate()
	close(fresh.open)
	a := newActivator(t, Config{})
	oldPod := podAt("old", backend(t, old.ServeHTTP), true, contract.Limits{})
	a.SetPod(oldPod)
	url, c := before(t, a).URL, client(t)
	inflight := get(t.Context(), c, url+"/old")
	<-old.arrived
	now := metav1.Now()
	ending := oldPod.DeepCopy()
	ending.DeletionTimestamp = &now
	a.SetPod(ending)
	waits := get(t.Context(), c, url+"/new")
	until(t, a, "queued", queued(1))
	a.SetPod(podAt("new", backend(t, fresh.ServeHTTP), true, contract.Limits{}))
	if g := <-waits; g.status != 200 || len(old.order) != 1 {
		t.Errorf("%+v; the old pod got %v", g, old.order)
	}
	a.DeletePod(ending)
	close(old.open)
	if g := <-inflight; g.status != 200 || g.body != "done" {
		t.Errorf("the request in flight: %+v", g)
	}
}

func TestActivator_ADeadPodCostsNoRequest(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := ln.Addr().String()
	_ = ln.Close()
	alive := backend(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	})
	a := newActivator(t, Config{})
	a.SetPod(podAt("dead", dead, true, contract.Limits{}))
	a.SetPod(podAt("alive", alive, true, contract.Limits{}))
	url, c := before(t, a).URL, client(t)
	for range 20 {
		res, err := c.Post(url, "text/plain", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != 200 || string(b) != "body" {
			t.Errorf("%d %q", res.StatusCode, b)
		}
	}
	until(t, a, "in doubt of the dead pod", func(l Load) bool { return l.Ready == 1 })
}

func TestActivator_ADoubtedPodComesBackWhenItListensAgain(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_ = ln.Close()
	a := newActivator(t, Config{})
	a.SetPod(podAt("p", addr, true, contract.Limits{})) // Kubernetes believes that it is ready
	got := get(t.Context(), client(t), before(t, a).URL)
	until(t, a, "in doubt", func(l Load) bool { return l.Ready == 0 && l.Queued == 1 })
	if ln, err = net.Listen("tcp", addr); err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "back") })}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(ln) })
	defer wg.Wait()
	defer srv.Close()
	if g := <-got; g.status != 200 || g.body != "back" {
		t.Errorf("%+v", g)
	}
}

func TestActivator_APodThatMovesIsFollowed(t *testing.T) {
	one := backend(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "one") })
	two := backend(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "two") })
	a := newActivator(t, Config{})
	url, c := before(t, a).URL, client(t)
	for addr, want := range map[string]string{one: "one", two: "two"} {
		a.SetPod(podAt("p", addr, true, contract.Limits{}))
		if g := <-get(t.Context(), c, url); g.body != want {
			t.Errorf("%+v, want %s", g, want)
		}
	}
	until(t, a, "one pod", func(l Load) bool { return l.Pods == 1 && l.Ready == 1 })
}

func TestActivator_AReadyPodThatKubernetesTakesBackGetsNothing(t *testing.T) {
	a := newActivator(t, Config{})
	pod := httpProbe(podAt("p", backend(t, func(http.ResponseWriter, *http.Request) {}), true, contract.Limits{}), "/")
	a.SetPod(pod)
	until(t, a, "usable", func(l Load) bool { return l.Ready == 1 })
	a.SetPod(setReady(pod.DeepCopy(), false))
	until(t, a, "unusable", func(l Load) bool { return l.Ready == 0 && l.Pods == 1 })
	restarted := setReady(pod.DeepCopy(), false)
	restarted.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "app", RestartCount: 1}}
	a.SetPod(restarted) // a new start: our own probe counts again
	until(t, a, "usable again", func(l Load) bool { return l.Ready == 1 })
}

func TestActivator_AFinishedPodIsForgotten(t *testing.T) {
	a := newActivator(t, Config{})
	pod := podAt("p", "127.0.0.1:1", true, contract.Limits{})
	a.SetPod(pod)
	failed := pod.DeepCopy()
	failed.Status.Phase = corev1.PodFailed
	a.SetPod(failed)
	if a.revisions.find(hello) != nil {
		t.Error("the revision is still there")
	}
}
