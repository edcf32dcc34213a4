package serving_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
	"github.com/sluice-dev/sluice/schema/serving"
)

// decode gives the nouns of one document.
func decode(t interface{ Fatalf(string, ...any) }, apiVersion, kind string, body map[string]any) desired.Nouns {
	body["apiVersion"], body["kind"], body["metadata"] = apiVersion, kind, map[string]any{"name": "hello"}
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatalf("%v", err)
	}
	found, miss := schema.NewKinds(serving.Kinds()).Find(apiVersion, kind)
	if miss.Field != "" {
		t.Fatalf("%s", miss.Text)
	}
	spec, problems := found.Decode(schema.Document{
		File: "a.yaml", APIVersion: apiVersion, Kind: kind, JSON: b,
		Identity: schema.Identity{Group: serving.Group, Kind: kind, Namespace: "default", Name: "hello"},
	})
	if spec == nil {
		t.Fatalf("%s: %v", b, problems)
	}
	return spec.(desired.Source).Desire()
}

// drawn is a template in both spellings.
type drawn struct{ today, of2018 map[string]any }

// draw makes a template and writes it in today's spelling and in 2018's.
func draw(t *rapid.T) drawn {
	container := map[string]any{"image": rapid.SampledFrom([]string{"a", "ghcr.io/knative/helloworld-go:latest"}).Draw(t, "image")}
	some := func(name string) bool { return rapid.Bool().Draw(t, name) }
	if some("env") {
		var env []any
		for _, v := range rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,5}`), 1, 4).Draw(t, "values") {
			env = append(env, map[string]any{"name": "X" + v, "value": v})
		}
		container["env"] = env
	}
	if some("port") {
		container["ports"] = []any{map[string]any{"containerPort": rapid.IntRange(1, 65535).Draw(t, "port")}}
	}
	if some("probe") {
		container["readinessProbe"] = map[string]any{"httpGet": map[string]any{"path": "/ready"}}
	}
	if some("resources") {
		container["resources"] = map[string]any{"limits": map[string]any{"cpu": rapid.SampledFrom([]any{"1000m", 1, "1", 0.5}).Draw(t, "cpu")}}
	}
	today, of2018 := map[string]any{"containers": []any{container}}, map[string]any{"container": container}
	switch limit := rapid.IntRange(0, 3).Draw(t, "limit"); limit {
	case 0:
		today["containerConcurrency"] = 0
		of2018["concurrencyModel"] = "Multi"
	case 1:
		today["containerConcurrency"] = 1
		of2018["concurrencyModel"] = "Single"
	default:
		today["containerConcurrency"], of2018["containerConcurrency"] = limit, limit
	}
	if some("timeout") {
		n := rapid.IntRange(0, 600).Draw(t, "timeout")
		today["timeoutSeconds"], of2018["timeoutSeconds"] = n, n
	}
	metaNow, metaThen := map[string]any{}, map[string]any{}
	if some("scale") {
		metaNow["annotations"] = map[string]any{"autoscaling.knative.dev/min-scale": "1", "autoscaling.knative.dev/window": "30s"}
		metaThen["annotations"] = map[string]any{"autoscaling.knative.dev/minScale": "1", "autoscaling.knative.dev/window": "30s"}
	}
	return drawn{
		today:  map[string]any{"metadata": metaNow, "spec": today},
		of2018: map[string]any{"metadata": metaThen, "spec": of2018},
	}
}

func TestService_OldAndNewSpellingAreOneRevision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		today := decode(t, serving.V1, "Service", map[string]any{"spec": map[string]any{"template": d.today}})
		old := decode(t, serving.V1Alpha1, "Service", map[string]any{"spec": map[string]any{"runLatest": map[string]any{"configuration": map[string]any{"revisionTemplate": d.of2018}}}})
		between := decode(t, serving.V1Alpha1, "Service", map[string]any{"spec": map[string]any{"template": d.of2018}})
		if diff := cmp.Diff(today, old); diff != "" {
			t.Fatalf("(-v1 +v1alpha1 runLatest)\n%s", diff)
		}
		if diff := cmp.Diff(today, between); diff != "" {
			t.Fatalf("(-v1 +v1alpha1 template)\n%s", diff)
		}
		configuration := decode(t, serving.V1Alpha1, "Configuration", map[string]any{"spec": map[string]any{"revisionTemplate": d.of2018}})
		if today.Workloads[0].Revision != configuration.Workloads[0].Revision {
			t.Fatalf("a Service makes %s, a Configuration of the same %s", today.Workloads[0].Revision, configuration.Workloads[0].Revision)
		}
	})
}

func TestService_DesireIsDeterministicAndItsResultFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		body := func() map[string]any { return map[string]any{"spec": map[string]any{"template": d.today}} }
		first, second := decode(t, serving.V1, "Service", body()), decode(t, serving.V1, "Service", body())
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatalf("the same document twice:\n%s", diff)
		}
		if name := desired.RevisionName("hello", first.Workloads[0].Template); name != first.Workloads[0].Revision {
			t.Fatalf("the revision is called %s, its template's name is %s", first.Workloads[0].Revision, name)
		}
	})
}

func TestService_WhatIsDesiredMayBeChanged(t *testing.T) {
	spec := service(t)
	first := spec.Desire()
	first.Workloads[0].Template.Pod.Containers[0].Image = "changed"
	first.Workloads[0].Template.Annotations["changed"] = "yes"
	first.Routes[0].Targets[0].Percent = 1
	if second := spec.Desire(); second.Workloads[0].Template.Pod.Containers[0].Image == "changed" ||
		second.Workloads[0].Template.Annotations["changed"] != "" || second.Routes[0].Targets[0].Percent == 1 {
		t.Error("a change to what was desired shows in what is desired next")
	}
}

func service(t testing.TB) desired.Source {
	t.Helper()
	found, _ := schema.NewKinds(serving.Kinds()).Find(serving.V1, "Service")
	spec, problems := found.Decode(schema.Document{
		File: "a.yaml", APIVersion: serving.V1, Kind: "Service",
		Identity: schema.Identity{Group: serving.Group, Kind: "Service", Namespace: "default", Name: "hello"},
		JSON: []byte(`{"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"name":"hello"},"spec":{"template":{
			"metadata":{"annotations":{"autoscaling.knative.dev/min-scale":"1"}},"spec":{"containers":[{"image":"a","env":[{"name":"TARGET","value":"World"}]}]}}}}`),
	})
	if spec == nil {
		t.Fatal(problems)
	}
	return spec.(desired.Source)
}

func BenchmarkDesire(b *testing.B) {
	spec := service(b)
	b.ReportAllocs()
	for b.Loop() {
		if len(spec.Desire().Workloads) != 1 {
			b.Fatal("no workload")
		}
	}
}
