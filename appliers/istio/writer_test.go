package istio_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/appliers/appliertest"
	"github.com/sluice-dev/sluice/appliers/istio"
	"github.com/sluice-dev/sluice/appliers/kubernetes"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

const set = "applyset-test-v1"

// newApplier is an applier through Istio's client, on a server in memory.
func newApplier(t *testing.T) (*kubernetes.Applier, *kubernetes.API, *appliertest.Server) {
	t.Helper()
	server := appliertest.NewServer(t)
	api, err := kubernetes.NewAPI(kubernetes.APIConfig{REST: server.REST()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	writer, err := istio.New(istio.Config{REST: api.REST(), Client: api.Client()})
	if err != nil {
		t.Fatal(err)
	}
	applier, err := kubernetes.NewApplier(kubernetes.ApplierConfig{Writer: writer, ApplySet: set})
	if err != nil {
		t.Fatal(err)
	}
	return applier, api, server
}

// route is a VirtualService that sends all but a share of the traffic to one revision.
func route(t *testing.T, share int, extra string) manifest.Manifest {
	t.Helper()
	id := manifest.ID{APIVersion: istio.APIVersion, Kind: "VirtualService", Namespace: "default", Name: "hello"}
	to := func(weight int, revision string) any {
		return map[string]any{"weight": weight, "destination": map[string]any{"host": contract.ActivatorHost}, "headers": map[string]any{"request": map[string]any{"set": map[string]any{contract.HeaderRevision: revision}}}}
	}
	spec := map[string]any{"hosts": []any{"hello.default.example.com"}, "http": []any{map[string]any{"route": []any{to(100-share, "hello-1"), to(share, "hello-2")}}}}
	if extra != "" {
		spec[extra] = true
	}
	m, err := manifest.New(id, map[string]any{
		"metadata": map[string]any{"name": id.Name, "namespace": id.Namespace, "labels": map[string]any{contract.LabelPartOf: set}, "annotations": map[string]any{contract.AnnotationTracking: id.String()}},
		"spec":     spec,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWriter_MovesTraffic(t *testing.T) {
	applier, api, _ := newApplier(t)
	m := route(t, 10, "")
	created := applier.Apply(t.Context(), plan.Step{Action: plan.Create, ID: m.ID, Manifest: m})
	if created.Err != nil || !created.Object.Ours || created.Object.UID == "" {
		t.Fatalf("%v, %+v", created.Err, created.Object)
	}
	if text := string(created.Object.JSON); !strings.Contains(text, `"weight":90`) || strings.Contains(text, "managedFields") || !strings.Contains(text, `"kind":"VirtualService"`) {
		t.Errorf("stored: %s", text)
	}
	next := route(t, 50, "")
	moved := applier.Apply(t.Context(), plan.Step{Action: plan.Update, ID: m.ID, Manifest: next, Live: created.Object})
	if moved.Err != nil {
		t.Fatal(moved.Err)
	}
	raw, err := api.Get(t.Context(), m.ID)
	if err != nil || strings.Count(string(raw), `"weight":50`) != 2 {
		t.Errorf("stored: %s, %v", raw, err)
	}
	for range 2 { // the second time there is nothing to delete
		if gone := applier.Apply(t.Context(), plan.Step{Action: plan.Delete, ID: m.ID, Live: moved.Object}); gone.Err != nil || gone.Object.UID != "" {
			t.Errorf("%v, %+v", gone.Err, gone.Object)
		}
	}
}

func TestWriter_WhatIstioDoesNotKnowNeverLeaves(t *testing.T) {
	applier, _, server := newApplier(t)
	server.Fault(func(r *http.Request) *metav1.Status {
		t.Errorf("sent %s %s", r.Method, r.URL)
		return nil
	})
	m := route(t, 10, "exportsTo")
	outcome := applier.Apply(t.Context(), plan.Step{Action: plan.Create, ID: m.ID, Manifest: m})
	if outcome.Err == nil || !outcome.Terminal || !strings.Contains(outcome.Err.Error(), `"exportsTo"`) {
		t.Errorf("terminal %v, %v", outcome.Terminal, outcome.Err)
	}
}

func TestWriter_AForeignRouteIsRefusedAndAForeignChangeHealed(t *testing.T) {
	applier, api, _ := newApplier(t)
	m := route(t, 10, "")
	meddle := func(host string) {
		t.Helper()
		body := fmt.Sprintf(`{"apiVersion":%q,"kind":"VirtualService","metadata":{"name":"hello","namespace":"default"},"spec":{"hosts":[%q]}}`, istio.APIVersion, host)
		if _, err := api.Patch(t.Context(), m.ID, []byte(body), "somebody", true); err != nil {
			t.Fatal(err)
		}
	}
	meddle("theirs.example.com")
	refused := applier.Apply(t.Context(), plan.Step{Action: plan.Create, ID: m.ID, Manifest: m})
	if refused.Err == nil || !refused.Terminal || !strings.Contains(refused.Err.Error(), `"somebody"`) {
		t.Errorf("terminal %v, %v", refused.Terminal, refused.Err)
	}
	if _, err := api.Delete(t.Context(), m.ID, ""); err != nil {
		t.Fatal(err)
	}
	created := applier.Apply(t.Context(), plan.Step{Action: plan.Create, ID: m.ID, Manifest: m})
	if created.Err != nil {
		t.Fatal(created.Err)
	}
	meddle("theirs.example.com")
	healed := applier.Apply(t.Context(), plan.Step{Action: plan.Heal, ID: m.ID, Manifest: m, Live: created.Object})
	if healed.Err != nil || !strings.Contains(string(healed.Object.JSON), "hello.default.example.com") || strings.Contains(string(healed.Object.JSON), "theirs") {
		t.Errorf("%v, %s", healed.Err, healed.Object.JSON)
	}
}
