package kube_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	istiofake "istio.io/client-go/pkg/clientset/versioned/fake"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/sluice-dev/sluice/runtime/activator"
	"github.com/sluice-dev/sluice/runtime/autoscaler"
	"github.com/sluice-dev/sluice/runtime/gateway"
	"github.com/sluice-dev/sluice/runtime/kube"
	"github.com/sluice-dev/sluice/runtime/proxy"
	"github.com/sluice-dev/sluice/schema/contract"
)

// sleeping is a cluster of so many services that sleep.
func sleeping(n int) (*fake.Clientset, *istiofake.Clientset) {
	var routes, deployments []kruntime.Object
	none := int32(0)
	for i := range n {
		name := fmt.Sprintf("asleep-%04d", i)
		routes = append(routes, virtualService(name, name+"-395b3db065"))
		deployments = append(deployments, &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "default", Name: name + "-395b3db065", UID: "67600f9e-04ab-4332-8aa2-8b7d80352e39",
				Labels:      map[string]string{contract.LabelRevision: name + "-395b3db065", contract.LabelService: name},
				Annotations: map[string]string{contract.AnnotationLimits: `{"timeoutSeconds":300,"port":8080,"protocol":"http1"}`, "autoscaling.knative.dev/window": "6s"},
			},
			Spec: appsv1.DeploymentSpec{Replicas: &none},
		})
	}
	return fake.NewClientset(deployments...), istiofake.NewSimpleClientset(routes...)
}

// grown is by how many bytes the heap grows while f makes what it returns, for
// each of n.
func grown(n int, f func() any) int64 {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	made := f()
	after := heap()
	runtime.KeepAlive(made)
	return (after - before) / int64(n)
}

// What a service that sleeps costs an activator and an autoscaler: their own
// tables, and nothing that was read to fill them.
func TestWatchers_AServiceThatSleepsIsSmall(t *testing.T) {
	const n, most = 2000, 2500
	k8s, ist := sleeping(n)
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // what runs is awaited after t.Context has ended
	var ends []chan struct{}
	run := func(f func(context.Context) error, read func() bool) {
		done := make(chan struct{})
		ends = append(ends, done)
		go func() {
			defer close(done)
			_ = f(ctx)
		}()
		for !read() {
			time.Sleep(time.Millisecond) // it is asked, as a kubelet asks
		}
	}
	t.Cleanup(func() {
		cancel()
		for _, done := range ends {
			<-done
		}
	})
	each := grown(n, func() any {
		table, queue := gateway.NewTable(nil), activator.New(activator.Config{Proxy: proxy.New(proxy.Config{})})
		w, err := kube.New(kube.Config{Kubernetes: k8s, Istio: ist, Pods: queue, Routes: table})
		if err != nil {
			t.Fatal(err)
		}
		run(w.Run, w.HasSynced)
		return []any{table, queue, w}
	})
	t.Logf("activator: %d bytes for each of %d sleeping services", each, n)
	if each > most {
		t.Errorf("activator: %d bytes, at most %d are meant", each, most)
	}
	each = grown(n, func() any {
		a, err := autoscaler.New(autoscaler.Config{Scaler: autoscaler.ScalerFunc(func(context.Context, autoscaler.Order) error { return nil })})
		if err != nil {
			t.Fatal(err)
		}
		w, err := kube.NewScalingWatcher(kube.ScalingConfig{Kubernetes: k8s, Istio: ist, Scaled: a})
		if err != nil {
			t.Fatal(err)
		}
		run(a.Run, func() bool { return true })
		run(w.Run, w.HasSynced)
		return []any{a, w}
	})
	t.Logf("autoscaler: %d bytes for each of %d sleeping services", each, n)
	if each > most {
		t.Errorf("autoscaler: %d bytes, at most %d are meant", each, most)
	}
}
