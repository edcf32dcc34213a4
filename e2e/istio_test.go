package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/appliers/istio"
	"github.com/sluice-dev/sluice/appliers/kubernetes"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

// crds are Istio's, as the one-machine cluster has them.
const crds = "../cmd/sluice-local/crds/istio.yaml"

// installIstio installs the CRDs where they are missing and waits until they serve.
func (p parts) installIstio(t *testing.T) {
	t.Helper()
	if p.hasIstio() {
		return
	}
	all, err := os.ReadFile(crds)
	if err != nil {
		t.Fatal(err)
	}
	for i, document := range strings.Split(string(all), "\n---\n") {
		_, after, _ := strings.Cut(document, "\n  name: ")
		name, _, _ := strings.Cut(after, "\n")
		id := manifest.ID{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition", Name: strings.TrimSpace(name)}
		if _, err := p.api.Patch(t.Context(), id, []byte(document), "e2e", true); err != nil {
			t.Fatalf("document %d, %s: %v", i, id, err)
		}
	}
	deadline := time.After(20 * time.Second)
	for !p.hasIstio() {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-deadline:
			t.Fatal("Istio's CRDs do not serve")
		}
	}
}

func (p parts) hasIstio() bool {
	list, err := p.client.Discovery().ServerResourcesForGroupVersion(istio.APIVersion)
	return err == nil && slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Kind == "VirtualService" })
}

// weighted is a VirtualService with two revisions behind it.
func (p parts) weighted(t *testing.T, share int) manifest.Manifest {
	t.Helper()
	id := manifest.ID{APIVersion: istio.APIVersion, Kind: "VirtualService", Namespace: p.namespace, Name: "hello"}
	to := func(weight int, revision string) any {
		return map[string]any{
			"weight": weight, "destination": map[string]any{"host": contract.ActivatorHost, "port": map[string]any{"number": contract.ActivatorPort}},
			"headers": map[string]any{"request": map[string]any{"set": map[string]any{contract.HeaderNamespace: p.namespace, contract.HeaderRevision: revision}}},
		}
	}
	m, err := manifest.New(id, map[string]any{
		"metadata": map[string]any{"name": id.Name, "namespace": id.Namespace, "labels": map[string]any{contract.LabelPartOf: p.set}, "annotations": map[string]any{contract.AnnotationTracking: id.String()}},
		"spec":     map[string]any{"hosts": []any{"hello.example.com"}, "http": []any{map[string]any{"route": []any{to(100-share, "hello-1"), to(share, "hello-2")}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestIstio_TrafficMovesInOneWrite(t *testing.T) {
	p := newParts(t)
	p.installIstio(t)
	writer, err := istio.New(istio.Config{REST: p.api.REST(), Client: p.api.Client()})
	if err != nil {
		t.Fatal(err)
	}
	applier, err := kubernetes.NewApplier(kubernetes.ApplierConfig{Writer: writer, ApplySet: p.set})
	if err != nil {
		t.Fatal(err)
	}
	m := p.weighted(t, 0)
	p.observer.Watch(m.ID.KindOf())
	created := applier.Apply(t.Context(), plan.Step{Action: plan.Create, ID: m.ID, Manifest: m})
	if created.Err != nil {
		t.Fatal(created.Err)
	}
	p.observer.Note(created)
	before := p.requests.Counts()["apply"]
	moved := applier.Apply(t.Context(), plan.Step{Action: plan.Update, ID: m.ID, Manifest: p.weighted(t, 30), Live: created.Object})
	if moved.Err != nil || p.requests.Counts()["apply"] != before+1 {
		t.Fatalf("%v; %s", moved.Err, p.requests)
	}
	deadline := time.After(10 * time.Second)
	for seen := ""; !strings.Contains(seen, `"weight":30`); seen = string(p.observer.Live().Of(m.ID).JSON) {
		select {
		case <-p.observer.Changes():
		case <-deadline:
			t.Fatal("the move is not observed: " + seen)
		}
	}
	body := fmt.Sprintf(`{"apiVersion":%q,"kind":"VirtualService","metadata":{"name":%q,"namespace":%q},"spec":{"hosts":["theirs.example.com"]}}`, istio.APIVersion, m.ID.Name, p.namespace)
	if _, err := p.api.Patch(t.Context(), m.ID, []byte(body), "somebody", true); err != nil {
		t.Fatal(err)
	}
	healed := applier.Apply(t.Context(), plan.Step{Action: plan.Heal, ID: m.ID, Manifest: p.weighted(t, 30), Live: moved.Object})
	if healed.Err != nil || strings.Contains(string(healed.Object.JSON), "theirs") {
		t.Errorf("%v, %s", healed.Err, healed.Object.JSON)
	}
	if gone := applier.Apply(t.Context(), plan.Step{Action: plan.Delete, ID: m.ID, Live: healed.Object}); gone.Err != nil {
		t.Error(gone.Err)
	}
}
