package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/engine/status"
)

// scaling are annotations of the group.
func scaling(pairs ...string) map[string]any {
	out := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		out["autoscaling.knative.dev/"+pairs[i]] = pairs[i+1]
	}
	return out
}

// awaitPods waits until a service has exactly n pods.
func awaitPods(t *testing.T, name string, n int) {
	t.Helper()
	await(t, fmt.Sprint(n, " pods"), func() string {
		return fmt.Sprint(len(podNames(t, "serving.knative.dev/service="+name)), " pods")
	})
}

func TestScale_KeepsToItsBounds(t *testing.T) {
	c := newClone(t)
	alone := map[string]any{"containerConcurrency": 1}
	c.serve(
		app{name: "bounded", target: "ok", annotations: scaling("minScale", "2", "max-scale", "3"), spec: alone},
		app{name: "initial", annotations: scaling("initial-scale", "3", "window", "6s")},
		app{name: "activated", target: "ok", annotations: scaling("initialScale", "0", "activation-scale", "3")},
		app{name: "by-cpu", target: "ok", annotations: scaling("class", "hpa.autoscaling.knative.dev", "target", "70", "min-scale", "2", "max-scale", "5")},
	)
	awaitPods(t, "bounded", 2)
	awaitPods(t, "by-cpu", 2)
	list, err := kubeClient(t).AutoscalingV2().HorizontalPodAutoscalers("default").List(t.Context(), metav1.ListOptions{LabelSelector: "serving.knative.dev/service=by-cpu"})
	check(t, err)
	if len(list.Items) != 1 || *list.Items[0].Spec.MinReplicas != 2 || list.Items[0].Spec.MaxReplicas != 5 || *list.Items[0].Spec.Metrics[0].Resource.Target.AverageUtilization != 70 {
		t.Errorf("HorizontalPodAutoscalers: %+v", list.Items)
	}
	allAre(t, fetchAll(1, host("activated")+"/work"), "ok")
	awaitPods(t, "activated", 3)
	stop := load(t, 9, 0, host("bounded")+"/work?before=100ms")
	awaitScale(t, "bounded", 3)
	allAre(t, fetchAll(1, host("by-cpu")+"/work"), "ok")
	if n := len(podNames(t, "serving.knative.dev/service=bounded")); n > 3 {
		t.Errorf("%d pods, max-scale is 3", n)
	}
	allAre(t, stop(), "ok")
	awaitAsleep(t, "initial") // which had its three pods, or it would not be ready
	awaitPods(t, "by-cpu", 2)
}

func TestScale_GoingDownEndsNoRequestOfAnAppThatKnowsNoSignals(t *testing.T) {
	c := newClone(t)
	annotations := scaling("window", "6s", "max-scale", "4")
	c.serve(app{
		name: "abrupt", target: "ok", annotations: annotations, spec: map[string]any{"containerConcurrency": 4},
		env: []any{map[string]any{"name": "ABRUPT", "value": "1"}},
	})
	long := load(t, 2, 0, host("abrupt")+"/work?parts=5&gap=300ms") // each on a pod of its own, and yet one pod is enough
	rush := load(t, 14, 0, host("abrupt")+"/work?before=200ms")
	awaitScale(t, "abrupt", 4)
	allAre(t, rush(), "ok")
	awaitPods(t, "abrupt", 1)
	allAre(t, long(), "ok.....")
}

func TestScale_AFailedActivationSaysWhyAndIsTriedAgain(t *testing.T) {
	c := newClone(t)
	under.haveApp(t)
	needy := app{name: "needy", target: "ok", annotations: sleepy(), env: []any{map[string]any{
		"name": "NEEDED", "valueFrom": map[string]any{"configMapKeyRef": map[string]any{"name": "needed", "key": "word"}}}}}
	c.serve(needy)
	stop := load(t, 1, time.Second, host("needy")+"/work")
	awaitState(t, "needy", "Failed", "needed")
	await(t, "Failed", func() string {
		a := activation(t, "needy")
		if a.Result == "Failed" && (!strings.Contains(a.Error, "needed") || time.Since(a.At) > time.Minute) {
			t.Fatalf("%+v", a)
		}
		return a.Result
	})
	c.write("needed.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: needed}\ndata: {word: please}\n")
	c.push("What it needs")
	await(t, "Succeeded", func() string { return activation(t, "needy").Result })
	awaitState(t, "needy", "Ready", "")
	allAre(t, stop(), "ok") // the first has waited all the time
}

// activation is how the newest revision of a service got its first pod last.
func activation(t *testing.T, name string) status.Activation {
	t.Helper()
	r, err := currentReport()
	if err != nil {
		return status.Activation{} // the engine is on its way
	}
	for _, s := range r.Specs {
		if s.Identity.Name == name && len(s.Revisions) > 0 {
			return s.Revisions[0].LastActivation
		}
	}
	return status.Activation{}
}
