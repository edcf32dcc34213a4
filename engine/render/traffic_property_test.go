package render_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/engine/rollout"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
)

// workload is one revision of hello.
func workload(revision string) desired.Workload {
	return desired.Workload{
		Namespace: "default", Service: "hello", Configuration: "hello", Revision: revision,
		Template: desired.Template{Pod: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: revision}}}, TimeoutSeconds: 1},
	}
}

var revisions = []string{"hello-a", "hello-b", "hello-c", "hello-d"}

// targets sum to 100 percent.
func targets(t *rapid.T) []desired.Target {
	left := int64(100)
	var out []desired.Target
	for i := range rapid.IntRange(1, 4).Draw(t, "targets") {
		target := desired.Target{Percent: rapid.Int64Range(0, left).Draw(t, "percent"), Path: fmt.Sprint("spec.traffic", i)}
		left -= target.Percent
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			target.Configuration = "hello"
		case 1:
			target.Revision = rapid.SampledFrom(revisions).Draw(t, "revision")
		default:
			target.GitRef = rapid.SampledFrom([]string{"v1", "v2"}).Draw(t, "ref")
		}
		if rapid.Bool().Draw(t, "tagged") {
			target.Tag = fmt.Sprint("t", i)
		}
		out = append(out, target)
	}
	out[len(out)-1].Percent += left
	return out
}

// unit is a Service in any state that a cluster and a repository may bring
// it to.
func unit(t *rapid.T) render.Unit {
	pick := func(what string) string { return rapid.SampledFrom(revisions).Draw(t, what) }
	u := render.Unit{
		Identity: schema.Identity{Group: "serving.knative.dev", Kind: "Service", Namespace: "default", Name: "hello"},
		Latest:   map[string]desired.Workload{"hello": workload(pick("latest"))},
		Facts:    render.Facts{Revisions: map[string]render.Fact{}, Routed: map[string]render.Routed{}},
		Now:      time.Unix(rapid.Int64Range(0, 1000).Draw(t, "now"), 0),
	}
	route := desired.Route{Namespace: "default", Name: "hello", Service: "hello", Targets: targets(t)}
	route.Rollout = rapid.SampledFrom([]desired.Rollout{{}, {Duration: time.Minute}, {Steps: []int64{10, 50, 100}, Every: time.Minute}}).Draw(t, "rollout")
	u.Nouns = desired.Nouns{Workloads: []desired.Workload{u.Latest["hello"]}, Routes: []desired.Route{route}}
	for _, r := range revisions {
		if rapid.Bool().Draw(t, "there") {
			u.Facts.Revisions[r] = render.Fact{Ready: rapid.Bool().Draw(t, "ready")}
		}
	}
	v1, v2 := workload(pick("v1")), workload(pick("v2"))
	u.Refs = map[string]render.Ref{"v1": {Workload: &v1}, "v2": {Workload: &v2}}
	for i := range rapid.IntRange(0, 3).Draw(t, "previews") {
		u.Previews = append(u.Previews, render.Preview{Ref: fmt.Sprint("r", i), Tag: fmt.Sprint("p", i), Workload: workload(pick("preview")), Percent: rapid.Int64Range(0, 30).Draw(t, "asked")})
	}
	u.Unread = rapid.Bool().Draw(t, "unread")
	a := rapid.Int64Range(0, 100).Draw(t, "part")
	u.Facts.Routed["hello"] = render.Routed{
		LatestReady: map[string]string{"hello": pick("before")}, RefReady: map[string]string{"v1": pick("v1 before")}, Previews: map[string]string{"p0": pick("p0 before")},
		Rollouts: map[string]rollout.State{"hello/": {Parts: []rollout.Part{{Revision: "hello-a", Percent: a}, {Revision: "hello-b", Percent: 100 - a}}}},
	}
	if rapid.Bool().Draw(t, "worse") {
		u.Worse = map[string]string{pick("which"): "it fails"}
	}
	return u
}

func TestRender_WeightsSumTo100AndLeadOnlyToWhatIsReady(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := unit(t)
		cfg := render.Config{Domain: "example.com", ApplySet: "test"}
		res, err := render.Render(u, cfg)
		if err != nil {
			t.Fatal(err)
		}
		again, err := render.Render(u, cfg)
		if err != nil || !cmp.Equal(res.Manifests, again.Manifests) {
			t.Fatalf("same input, other bytes: %v", err)
		}
		sum := int64(0)
		for _, s := range res.Routes[0].Shares {
			sum += s.Percent
			// What "latest" was stays where it is, whatever has become of it.
			stays := s.Latest && s.Revision == u.Facts.Routed["hello"].LatestReady["hello"]
			if !u.Facts.Revisions[s.Revision].Ready && !stays {
				t.Fatalf("%s is not ready: %+v", s.Revision, res.Routes[0].Shares)
			}
		}
		if len(res.Routes[0].Shares) > 0 && sum != 100 {
			t.Fatalf("shares sum to %d: %+v", sum, res.Routes[0].Shares)
		}
		for i := range res.Manifests {
			if res.Manifests[i].ID.Kind == "VirtualService" {
				weights(t, res.Manifests[i].JSON)
			}
		}
	})
}

// weights checks every rule of a VirtualService: they sum to 100, or one
// destination has all.
func weights(t *rapid.T, object []byte) {
	var vs struct {
		Spec struct {
			HTTP []struct {
				Name  string `json:"name"`
				Route []struct {
					Weight int `json:"weight"`
				} `json:"route"`
			} `json:"http"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(object, &vs); err != nil {
		t.Fatal(err)
	}
	for _, rule := range vs.Spec.HTTP {
		sum := 0
		for _, d := range rule.Route {
			sum += d.Weight
		}
		if len(rule.Route) == 0 || len(rule.Route) > 1 && sum != 100 || len(rule.Route) == 1 && sum != 0 {
			t.Fatalf("rule %s: %s", rule.Name, object)
		}
	}
}
