package activator

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

func TestActivator_HoldsARequestUntilAPodIsReady(t *testing.T) {
	addr := backend(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") })
	a := newActivator(t, Config{})
	got := get(t.Context(), client(t), before(t, a).URL)
	until(t, a, "queued", queued(1))
	pod := podAt("p", addr, false, contract.Limits{})
	a.SetPod(pod)
	until(t, a, "known and unusable", func(l Load) bool { return l.Pods == 1 && l.Ready == 0 && l.Queued == 1 })
	a.SetPod(setReady(pod.DeepCopy(), true))
	if g := <-got; g.status != 200 || g.body != "hi" {
		t.Errorf("%+v", g)
	}
}

func TestActivator_AfterTheQueueTimeoutTheReasonIsTold(t *testing.T) {
	refuse := WakerFunc(func(context.Context, Key) error { return errors.New("quota exceeded") })
	notReady := podAt("p", "127.0.0.1:1", false, contract.Limits{})
	for _, c := range []struct {
		name  string
		waker Waker
		pod   *corev1.Pod
		want  string
	}{
		{"no pod", nil, nil, "it has no pod"},
		{"the waker fails", refuse, nil, "quota exceeded"},
		{"none ready", nil, notReady, "none of its pods (1) became ready"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newActivator(t, Config{QueueTimeout: 30 * time.Millisecond, Waker: c.waker})
			if c.pod != nil {
				a.SetPod(c.pod)
			}
			got := <-get(t.Context(), client(t), before(t, a).URL)
			if got.status != 503 || got.header.Get("Retry-After") != "1" || !strings.Contains(got.body, c.want) || !strings.Contains(got.body, "hello-1") {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestActivator_TheWakerIsAskedOncePerNeed(t *testing.T) {
	var calls atomic.Int64
	woken := make(chan Key, 100)
	a := newActivator(t, Config{Waker: WakerFunc(func(_ context.Context, k Key) error {
		calls.Add(1)
		woken <- k
		return nil
	})})
	addr := backend(t, func(w http.ResponseWriter, _ *http.Request) {})
	url, c := before(t, a).URL, client(t)
	var all []<-chan answer
	for range 20 {
		all = append(all, get(t.Context(), c, url))
	}
	if k := <-woken; k != hello {
		t.Errorf("woke %v", k)
	}
	until(t, a, "all queued", queued(20))
	a.SetPod(podAt("p", addr, true, contract.Limits{}))
	for _, got := range all {
		if g := <-got; g.status != 200 {
			t.Errorf("%+v", g)
		}
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("the waker was called %d times", n)
	}
	a.DeletePod(podAt("p", addr, true, contract.Limits{}))
	ctx, cancel := context.WithCancel(t.Context())
	last := get(ctx, c, url)
	<-woken // asleep again: asked again
	cancel()
	<-last
}

func TestActivator_TheWakerIsAskedAgainAfterAFailure(t *testing.T) {
	var calls atomic.Int64
	addr := backend(t, func(http.ResponseWriter, *http.Request) {})
	var a *Activator
	a = newActivator(t, Config{Waker: WakerFunc(func(context.Context, Key) error {
		if calls.Add(1) < 3 {
			return errors.New("not now")
		}
		a.SetPod(podAt("p", addr, true, contract.Limits{}))
		return nil
	})})
	if got := <-get(t.Context(), client(t), before(t, a).URL); got.status != 200 || calls.Load() != 3 {
		t.Errorf("%+v after %d calls", got, calls.Load())
	}
}

func TestActivator_AnEndingLastPodWakesANewOneForThoseWhoWait(t *testing.T) {
	woken := make(chan Key, 10)
	a := newActivator(t, Config{Waker: WakerFunc(func(_ context.Context, k Key) error {
		woken <- k
		return nil
	})})
	pod := podAt("p", "127.0.0.1:1", false, contract.Limits{})
	a.SetPod(pod)
	ctx, cancel := context.WithCancel(t.Context())
	got := get(ctx, client(t), before(t, a).URL)
	until(t, a, "queued", queued(1))
	if len(woken) != 0 {
		t.Error("a pod was asked for while one was on its way")
	}
	now := metav1.Now()
	ending := pod.DeepCopy()
	ending.DeletionTimestamp = &now
	a.SetPod(ending)
	if k := <-woken; k != hello {
		t.Errorf("woke %v", k)
	}
	cancel()
	<-got
}
