package activator

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

func TestActivator_SendsToTheRealPortOfAReadyPod(t *testing.T) {
	addr := backend(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %v", r.URL.Path, r.Header[contract.HeaderRevision])
	})
	a := newActivator(t, Config{})
	a.SetPod(podAt("p", addr, true, contract.Limits{}))
	if got := <-get(t.Context(), client(t), before(t, a).URL+"/x"); got.status != 200 || got.body != "/x []" {
		t.Errorf("%+v", got)
	}
}

func TestActivator_ARequestWithoutRevisionIsRefused(t *testing.T) {
	a := newActivator(t, Config{})
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusBadRequest {
		t.Errorf("status %d", w.Code)
	}
}

func TestActivator_ContainerConcurrencyIsNeverExceeded(t *testing.T) {
	var now, top atomic.Int64
	app := func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for {
			old := top.Load()
			if n <= old || top.CompareAndSwap(old, n) {
				break
			}
		}
		_, _ = io.WriteString(w, "ok")
	}
	a := newActivator(t, Config{})
	addr := backend(t, app)
	a.SetPod(podAt("p", addr, true, contract.Limits{ContainerConcurrency: 3}))
	url, c := before(t, a).URL, client(t)
	var wg sync.WaitGroup
	for range 60 {
		wg.Go(func() {
			for range 10 {
				if g := <-get(t.Context(), c, url); g.status != 200 {
					t.Errorf("%+v", g)
				}
			}
		})
	}
	wg.Wait()
	if top.Load() > 3 {
		t.Errorf("%d requests at once, 3 are allowed", top.Load())
	}
	until(t, a, "empty", func(l Load) bool { return l.InFlight == 0 && l.Queued == 0 && l.Requests == 600 })
}

func TestActivator_Overload(t *testing.T) { // Knative's TestActivatorOverload, shorter: all of them are answered
	a := newActivator(t, Config{})
	for i := range 10 {
		addr := backend(t, func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(10 * time.Millisecond) // the app's work
			_, _ = io.WriteString(w, "ok")
		})
		a.SetPod(podAt(fmt.Sprintf("p%d", i), addr, true, contract.Limits{ContainerConcurrency: 1}))
	}
	url, c := before(t, a).URL, client(t)
	var answers []<-chan answer
	for range 100 {
		answers = append(answers, get(t.Context(), c, url))
	}
	for _, got := range answers {
		if g := <-got; g.status != 200 {
			t.Errorf("%+v", g)
		}
	}
}

func TestActivator_NobodyIsOvertaken(t *testing.T) {
	g := newGate()
	a := newActivator(t, Config{})
	a.SetPod(podAt("p", backend(t, g.ServeHTTP), true, contract.Limits{ContainerConcurrency: 1}))
	url, c := before(t, a).URL, client(t)
	var want []string
	var answers []<-chan answer
	for i := range 50 {
		path := fmt.Sprintf("/%02d", i)
		want = append(want, path)
		answers = append(answers, get(t.Context(), c, url+path))
		until(t, a, "next in line", func(l Load) bool { return l.InFlight == 1 && l.Queued == i })
	}
	close(g.open)
	// Newcomers while the line empties: none may come before those who wait.
	for i := range 50 {
		answers = append(answers, get(t.Context(), c, fmt.Sprintf("%s/late-%d", url, i)))
	}
	for _, got := range answers {
		<-got
	}
	if !slices.Equal(g.order[:50], want) {
		t.Errorf("order: %v", g.order)
	}
	if g.max != 1 {
		t.Errorf("%d at once", g.max)
	}
}

func TestActivator_HungUpClientReleasesItsPlace(t *testing.T) {
	g := newGate()
	a := newActivator(t, Config{})
	a.SetPod(podAt("p", backend(t, g.ServeHTTP), true, contract.Limits{ContainerConcurrency: 1}))
	url, c := before(t, a).URL, client(t)

	ctx1, hangUp1 := context.WithCancel(t.Context())
	first := get(ctx1, c, url+"/first")
	<-g.arrived
	ctx2, hangUp2 := context.WithCancel(t.Context())
	second := get(ctx2, c, url+"/second")
	until(t, a, "queued", queued(1))
	third := get(t.Context(), c, url+"/third")
	until(t, a, "queued", queued(2))

	hangUp2() // while waiting
	until(t, a, "one left in line", queued(1))
	hangUp1() // while running
	if path := <-g.arrived; path != "/third" {
		t.Errorf("%s got the place", path)
	}
	close(g.open)
	if got := <-third; got.status != 200 {
		t.Errorf("%+v", got)
	}
	if (<-first).err == nil || (<-second).err == nil {
		t.Error("who hung up got an answer")
	}
	until(t, a, "empty", func(l Load) bool { return l.InFlight == 0 && l.Queued == 0 })
}

func TestActivator_AFullQueueRefusesAndSaysWhenToComeBack(t *testing.T) {
	for name, cfg := range map[string]Config{"by count": {QueueLength: 2}, "by bytes": {QueueBytes: 40 << 10}} {
		t.Run(name, func(t *testing.T) {
			cfg.RetryAfter = 3 * time.Second
			a := newActivator(t, cfg)
			url, c := before(t, a).URL, client(t)
			ctx, cancel := context.WithCancel(t.Context())
			var waiting []<-chan answer
			for i := range 2 {
				waiting = append(waiting, get(ctx, c, url))
				until(t, a, "queued", queued(i+1))
			}
			got := <-get(t.Context(), c, url)
			if got.status != 503 || got.header.Get("Retry-After") != "3" || !strings.Contains(got.body, "queue is full") {
				t.Errorf("%+v", got)
			}
			cancel()
			for _, w := range waiting {
				<-w
			}
			until(t, a, "forgotten", func(l Load) bool { return l == Load{} })
		})
	}
}

func TestActivator_TheLeastLoadedPodIsFirst(t *testing.T) {
	a := newActivator(t, Config{})
	gates := []*gate{newGate(), newGate(), newGate()}
	for i, g := range gates {
		a.SetPod(podAt(fmt.Sprintf("p%d", i), backend(t, g.ServeHTTP), true, contract.Limits{}))
	}
	url, c := before(t, a).URL, client(t)
	var all []<-chan answer
	for i := range 9 {
		all = append(all, get(t.Context(), c, url))
		until(t, a, "in flight", func(l Load) bool { return l.InFlight == i+1 })
	}
	for _, g := range gates {
		for range 3 {
			<-g.arrived
		}
		if g.max != 3 {
			t.Errorf("%d of 9 requests at one of 3 pods", g.max)
		}
		close(g.open)
	}
	for _, got := range all {
		<-got
	}
}

func TestActivator_TimeoutsComeFromTheLimits(t *testing.T) {
	a := newActivator(t, Config{})
	g := newGate()
	a.SetPod(podAt("p", backend(t, g.ServeHTTP), true, contract.Limits{TimeoutSeconds: 60, ResponseStartTimeoutSeconds: 1}))
	if got := <-get(t.Context(), client(t), before(t, a).URL); got.status != http.StatusGatewayTimeout {
		t.Errorf("%+v", got)
	}
	v := a.revisions.find(hello)
	if got := v.pods["p"].timeouts; got.Total != time.Minute || got.ResponseStart != time.Second {
		t.Errorf("%+v", got)
	}
	b := New(Config{Proxy: a.cfg.Proxy})
	if got := b.newPod(endpoint{}).timeouts.Total; got != 300*time.Second {
		t.Errorf("default %v", got)
	}
}

func TestActivator_MetricsTellEachRevision(t *testing.T) {
	a := newActivator(t, Config{})
	a.SetPod(podAt("p", backend(t, func(http.ResponseWriter, *http.Request) {}), true, contract.Limits{}))
	<-get(t.Context(), client(t), before(t, a).URL)
	until(t, a, "counted", func(l Load) bool { return l.Requests == 1 })
	var b strings.Builder
	if err := a.WriteMetrics(&b); err != nil {
		t.Fatal(err)
	}
	const who = `namespace="default",service="hello",revision="hello-1"`
	for _, line := range []string{
		"kn_revision_request_queued{" + who + "} 0", "kn_revision_pods_count{" + who + "} 1",
		"sluice_activator_requests_total{" + who + `,code_class="2xx"} 1`,
		"kn_serving_invocation_duration_seconds_count{" + who + "} 1",
	} {
		if !strings.Contains(b.String(), line+"\n") {
			t.Errorf("missing %s in\n%s", line, b.String())
		}
	}
}
