package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	kube "k8s.io/client-go/kubernetes"

	"github.com/sluice-dev/sluice/appliers"
	"github.com/sluice-dev/sluice/appliers/appliertest"
	"github.com/sluice-dev/sluice/appliers/inventory"
	"github.com/sluice-dev/sluice/appliers/kubernetes"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

// parts are what faces the cluster, in a namespace of their own.
type parts struct {
	api       *kubernetes.API
	applier   *kubernetes.Applier
	observer  *kubernetes.Observer
	client    kube.Interface
	requests  *appliers.Requests
	set       string
	namespace string
}

func newParts(t *testing.T) parts {
	t.Helper()
	p := parts{requests: &appliers.Requests{}, namespace: "e2e-" + rand.String(6)}
	p.set = inventory.ID("inventory", p.namespace)
	var err error
	if p.api, err = kubernetes.NewAPI(kubernetes.APIConfig{REST: restConfig(t), Wrap: p.requests.Wrap}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.api.Close)
	if p.client, err = kube.NewForConfigAndClient(p.api.REST(), p.api.Client()); err != nil {
		t.Fatal(err)
	}
	if p.applier, err = kubernetes.NewApplier(kubernetes.ApplierConfig{Writer: p.api, ApplySet: p.set}); err != nil {
		t.Fatal(err)
	}
	if p.observer, err = kubernetes.NewObserver(kubernetes.ObserverConfig{API: p.api, ApplySet: p.set}); err != nil {
		t.Fatal(err)
	}
	p.makeNamespace(t)
	p.observe(t)
	return p
}

func (p parts) makeNamespace(t *testing.T) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: p.namespace}}
	if _, err := p.client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) //nolint:usetesting // t.Context has ended
		defer cancel()
		if err := p.client.CoreV1().Namespaces().Delete(ctx, p.namespace, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// observe runs the observer until the test ends.
func (p parts) observe(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // it is awaited after t.Context has ended
	done := make(chan error, 1)
	go func() { done <- p.observer.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (p parts) scale(ctx context.Context, id manifest.ID, n int) error {
	_, err := p.client.AppsV1().Deployments(id.Namespace).UpdateScale(ctx, id.Name, &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{Namespace: id.Namespace, Name: id.Name}, Spec: autoscalingv1.ScaleSpec{Replicas: int32(n)},
	}, metav1.UpdateOptions{FieldManager: "autoscaler"})
	return err
}

func TestAppliers_SitTheExamOnARealServer(t *testing.T) {
	p := newParts(t)
	appliertest.Run(t, appliertest.World{
		Applier: p.applier, Observer: p.observer, Cluster: p.api, Scale: p.scale, ApplySet: p.set, Namespace: p.namespace,
	})
	t.Log("requests:", p.requests)
}

func TestInventory_OutlivesItsEngine(t *testing.T) {
	p := newParts(t)
	open := func() *inventory.Inventory {
		inv, err := inventory.New(inventory.Config{API: p.api, Name: "inventory", Namespace: p.namespace})
		if err != nil {
			t.Fatal(err)
		}
		return inv
	}
	kinds := []manifest.Kind{{APIVersion: "apps/v1", Kind: "Deployment"}, {APIVersion: "v1", Kind: "Service"}}
	if err := open().Ensure(t.Context(), kinds, []string{"default", p.namespace}); err != nil {
		t.Fatal(err)
	}
	before := p.requests.Counts()["apply"]
	next := open()
	if got, err := next.Load(t.Context()); err != nil || fmt.Sprint(got) != fmt.Sprint(kinds) {
		t.Fatalf("loaded %v, %v", got, err)
	}
	if err := next.Ensure(t.Context(), kinds[:1], []string{"default"}); err != nil {
		t.Fatal(err)
	}
	if got := p.requests.Counts()["apply"]; got != before {
		t.Errorf("%d writes for nothing new", got-before)
	}
	parent, err := p.client.CoreV1().ConfigMaps(p.namespace).Get(t.Context(), "inventory", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if parent.Labels[contract.LabelApplySetID] != p.set || parent.Annotations[contract.AnnotationContains] != "Deployment.apps,Service" || parent.Annotations[contract.AnnotationNamespaces] != "default" {
		t.Errorf("parent: %v %v", parent.Labels, parent.Annotations)
	}
}

func TestApplier_NamespaceOnItsWayOutIsNamed(t *testing.T) {
	p := newParts(t)
	dying := p.namespace + "-dying"
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: dying}, Spec: corev1.NamespaceSpec{}}
	if _, err := p.client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	// A ConfigMap with a finalizer keeps the namespace from going.
	kept := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "kept", Finalizers: []string{"example.com/hold"}}}
	if _, err := p.client.CoreV1().ConfigMaps(dying).Create(t.Context(), kept, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := p.client.CoreV1().Namespaces().Delete(t.Context(), dying, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	id := manifest.ID{APIVersion: "v1", Kind: "ConfigMap", Namespace: dying, Name: "late"}
	m, err := manifest.New(id, map[string]any{"metadata": map[string]any{"name": id.Name, "namespace": id.Namespace}})
	if err != nil {
		t.Fatal(err)
	}
	outcome := p.applier.Apply(t.Context(), plan.Step{Action: plan.Create, ID: id, Manifest: m})
	if outcome.Err == nil || outcome.Terminal || !strings.Contains(outcome.Err.Error(), "namespace "+dying+" is being deleted") {
		t.Errorf("terminal %v, %v", outcome.Terminal, outcome.Err)
	}
	release := []byte(`{"metadata":{"finalizers":null}}`)
	if _, err := p.client.CoreV1().ConfigMaps(dying).Patch(t.Context(), "kept", "application/merge-patch+json", release, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}
