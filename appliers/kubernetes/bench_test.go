package kubernetes_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	"github.com/sluice-dev/sluice/appliers/kubernetes"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

// small is a Deployment as a revision has it.
func small(tb testing.TB, i int) manifest.Manifest {
	tb.Helper()
	id := manifest.ID{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: fmt.Sprintf("hello-%d-0123456789", i)}
	app := map[string]any{contract.LabelRevision: id.Name, contract.LabelService: fmt.Sprint("hello-", i), contract.LabelConfiguration: fmt.Sprint("hello-", i)}
	labels := map[string]any{contract.LabelPartOf: set}
	for k, v := range app {
		labels[k] = v
	}
	m, err := manifest.New(id, map[string]any{
		"metadata": map[string]any{"name": id.Name, "namespace": id.Namespace, "labels": labels, "annotations": map[string]any{
			contract.AnnotationTracking: id.String(), contract.AnnotationUnit: "Service.serving.knative.dev default/hello", contract.AnnotationSource: "specs/hello.yaml",
			contract.AnnotationLimits: `{"containerConcurrency":10,"timeoutSeconds":300,"port":8080,"protocol":"http1"}`,
		}},
		"spec": map[string]any{"selector": map[string]any{"matchLabels": app}, "template": map[string]any{
			"metadata": map[string]any{"labels": app},
			"spec": map[string]any{"enableServiceLinks": false, "automountServiceAccountToken": false, "containers": []any{map[string]any{
				"name": "user-container", "image": "local.dev/hello@sha256:" + strings.Repeat("0", 64),
				"ports":          []any{map[string]any{"name": "http1", "containerPort": 8080}},
				"env":            []any{map[string]any{"name": "PORT", "value": "8080"}, map[string]any{"name": "K_REVISION", "value": id.Name}, map[string]any{"name": "TARGET", "value": "world"}},
				"readinessProbe": map[string]any{"tcpSocket": map[string]any{"port": 8080}, "periodSeconds": 10, "successThreshold": 1},
			}}},
		}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// stored is a Deployment as an API server sends it: about 4.5 KB, a third of it managedFields.
func stored(tb testing.TB, i int) []byte {
	tb.Helper()
	var o map[string]any
	if err := json.Unmarshal(small(tb, i).JSON, &o); err != nil {
		tb.Fatal(err)
	}
	fields := map[string]any{}
	for k := range 30 {
		fields[fmt.Sprintf("f:field-%d", k)] = map[string]any{"f:value": map[string]any{}}
	}
	meta := o["metadata"].(map[string]any)
	meta["uid"], meta["resourceVersion"] = fmt.Sprintf("00000000-0000-0000-0000-%012d", i), fmt.Sprint(1000+i)
	meta["creationTimestamp"] = "2026-01-01T00:00:00Z"
	meta["managedFields"] = []any{map[string]any{"manager": "sluice", "operation": "Apply", "fieldsV1": fields}, map[string]any{"manager": "kube-controller-manager", "operation": "Update", "subresource": "status", "fieldsV1": map[string]any{}}}
	o["status"] = map[string]any{"replicas": 1, "readyReplicas": 1, "availableReplicas": 1, "observedGeneration": 1, "conditions": []any{
		map[string]any{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable", "message": "Deployment has minimum availability.", "lastUpdateTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"},
		map[string]any{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": "ReplicaSet has successfully progressed.", "lastUpdateTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"},
	}}
	raw, err := json.Marshal(o)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func stub(tb testing.TB, handler http.HandlerFunc) *kubernetes.API {
	tb.Helper()
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	api, err := kubernetes.NewAPI(kubernetes.APIConfig{REST: &rest.Config{Host: server.URL}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(api.Close)
	return api
}

// BenchmarkApply1000 is one op per 1,000 steps, 32 at once, against a server
// that answers at once: what is left is our own cost and HTTP's.
func BenchmarkApply1000(b *testing.B) {
	answer := stored(b, 0)
	api := stub(b, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the stub needs no body
		_, _ = w.Write(answer)             // the client has gone
	})
	applier, err := kubernetes.NewApplier(kubernetes.ApplierConfig{Writer: api, ApplySet: set})
	if err != nil {
		b.Fatal(err)
	}
	var steps []plan.Step
	for i := range 1000 {
		m := small(b, i)
		steps = append(steps, plan.Step{Action: plan.Create, ID: m.ID, Manifest: m, Stamps: manifest.Stamps{contract.AnnotationDigest: m.Digest, contract.AnnotationCommit: strings.Repeat("a", 40)}})
	}
	b.ReportAllocs()
	for b.Loop() {
		var g errgroup.Group
		g.SetLimit(32)
		for _, step := range steps {
			g.Go(func() error { return applier.Apply(b.Context(), step).Err })
		}
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/step")
}

// BenchmarkObserve3000 measures what 3,000 Deployments cost in memory once
// they are known, and how long they take to be.
func BenchmarkObserve3000(b *testing.B) {
	var events [][]byte
	for i := range 3000 {
		events = append(events, fmt.Appendf(nil, `{"type":"ADDED","object":%s}`+"\n", stored(b, i)))
	}
	api := stub(b, func(w http.ResponseWriter, r *http.Request) {
		for _, e := range events {
			_, _ = w.Write(e) // the client has gone
		}
		fmt.Fprintln(w, `{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9999","annotations":{"k8s.io/initial-events-end":"true"}}}}`)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	for b.Loop() {
		before := heap()
		observer, err := kubernetes.NewObserver(kubernetes.ObserverConfig{API: api, ApplySet: set, Kinds: []manifest.Kind{{APIVersion: "apps/v1", Kind: "Deployment"}}})
		if err != nil {
			b.Fatal(err)
		}
		p := pair{observer: observer}
		began := time.Now()
		stop := p.start()
		if err := observer.Synced(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/list")
		b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
		if n := len(observer.Live()); n != 3000 {
			b.Fatalf("%d objects", n)
		}
		stop()
	}
}

// BenchmarkLive3000 is one op per copy of 3,000 objects, one of which has changed.
func BenchmarkLive3000(b *testing.B) {
	p := pair{}
	p.observer, _ = kubernetes.NewObserver(kubernetes.ObserverConfig{API: stub(b, nil), ApplySet: set}) // nothing to go wrong
	note := func(i, version int) {
		id := manifest.ID{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: fmt.Sprint(i)}
		p.observer.Note(plan.Outcome{Object: plan.Object{ID: id, UID: "u", ResourceVersion: fmt.Sprint(version)}})
	}
	for i := range 3000 {
		note(i, 1)
	}
	b.ReportAllocs()
	for version := 2; b.Loop(); version++ {
		note(0, version)
		p.observer.Live()
	}
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
