package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// podMetrics is as much of metrics.k8s.io's list of pods as is looked at here.
type podMetrics struct {
	Items []struct {
		Metadata   metav1.ObjectMeta
		Containers []struct {
			Name  string
			Usage map[corev1.ResourceName]resource.Quantity
		}
	}
}

// usage is what the pods of a service use, all containers together.
func usage(t *testing.T, service string) (pods int, cpu, memory resource.Quantity) {
	t.Helper()
	b, err := kubeClient(t).Discovery().RESTClient().Get().AbsPath("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods").
		Param("labelSelector", "serving.knative.dev/service="+service).DoRaw(t.Context())
	check(t, err)
	var list podMetrics
	check(t, json.Unmarshal(b, &list))
	for _, p := range list.Items {
		for _, c := range p.Containers {
			cpu.Add(c.Usage[corev1.ResourceCPU])
			memory.Add(c.Usage[corev1.ResourceMemory])
		}
	}
	return len(list.Items), cpu, memory
}

// needMetrics skips where the cluster cannot say what pods use.
func needMetrics(t *testing.T) {
	t.Helper()
	if _, err := kubeClient(t).Discovery().ServerResourcesForGroupVersion("metrics.k8s.io/v1beta1"); err != nil {
		t.Skip("the cluster has no metrics API (metrics.k8s.io), so no HorizontalPodAutoscaler works here: ", err)
	}
}

// whyOf is what `sluice explain` says about a service.
func whyOf(t *testing.T, service string) string {
	t.Helper()
	program, err := binary("sluice")
	check(t, err)
	return command(t, program, "--kubeconfig", under.kubeconfig, "explain", service)
}

func TestHPA_ScalesOnWhatPodsUse(t *testing.T) {
	needMetrics(t)
	needPatience(t)
	c := newClone(t)
	hpa := func(more ...string) map[string]any {
		return scaling(append([]string{"class", "hpa.autoscaling.knative.dev", "window", "6s", "min-scale", "1", "max-scale", "3"}, more...)...)
	}
	c.serve(
		// At 100m a pod the target of half of it is passed by a twentieth of a core.
		app{name: "hot", target: "ok", annotations: hpa("metric", "cpu", "target", "50"), requests: map[string]any{"cpu": "100m"}},
		// One pod holds 90 MiB, two thirds more than are wanted of a pod, and so does every other.
		app{name: "fat", target: "ok", annotations: hpa("metric", "memory", "target", "50"), env: []any{map[string]any{"name": "HOLD", "value": "90"}}},
	)
	stop := load(t, 1, 0, host("hot")+"/work?burn=100ms")
	await(t, "1 pod holds 90 MiB and more", func() string {
		pods, _, memory := usage(t, "fat")
		if pods >= 1 && memory.Value() >= int64(pods)*90<<20 {
			return "1 pod holds 90 MiB and more"
		}
		return fmt.Sprint(pods, " pods hold ", memory.String())
	})
	awaitPods(t, "hot", 3)
	awaitPods(t, "fat", 3)
	allAre(t, stop(), "ok")
	awaitState(t, "hot", "Ready", "")
	if why := whyOf(t, "hot"); !strings.Contains(why, "HorizontalPodAutoscaler") {
		t.Errorf("explain does not say who decides:\n%s", why)
	}
	awaitPods(t, "hot", 1) // it is idle
	awaitPods(t, "fat", 3)
}

func TestTop_KubectlShowsWhatPodsAndTheNodeUse(t *testing.T) {
	needMetrics(t)
	if under.dir == "" {
		t.Skip("kubectl is that of sluice-local, which this cluster is not of")
	}
	for want, args := range map[string][]string{"activator-": {"pods", "-n", "sluice-system"}, "local": {"nodes"}} {
		out := command(t, "../bin/sluice-local", append([]string{"kubectl", "--dir", under.dir, "top"}, args...)...)
		if !strings.Contains(out, want) {
			t.Errorf("top %v: %s", args, out)
		}
	}
}
