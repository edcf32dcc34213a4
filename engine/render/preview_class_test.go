package render_test

import (
	"encoding/json"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
)

// A preview sleeps while nobody looks at it, whatever scales the revision once
// it is the branch's.
func TestPreview_OfClassHPAGoesToZeroAsAnyOther(t *testing.T) {
	const group = "autoscaling.knative.dev/"
	u := render.Unit{
		Identity: schema.Identity{Group: "serving.knative.dev", Kind: "Service", Namespace: "default", Name: "cart"},
		Nouns:    desired.Nouns{Routes: []desired.Route{{Namespace: "default", Name: "cart", Service: "cart"}}},
		Previews: []render.Preview{{Ref: "refs/heads/preview/x", Tag: "x", Workload: desired.Workload{
			Namespace: "default", Service: "cart", Configuration: "cart", Revision: "cart-1",
			Template: desired.Template{
				Annotations: map[string]string{group + "class": "hpa.autoscaling.knative.dev", group + "metric": "cpu", group + "target": "80", group + "max-scale": "3", group + "min-scale": "2"},
				Pod:         corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "a"}}},
			},
		}}},
	}
	res, err := render.Render(u, render.Config{Domain: "example.com", ApplySet: "set"})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, m := range res.Manifests {
		if m.ID.Kind == "HorizontalPodAutoscaler" {
			t.Errorf("%s", m.JSON)
		}
		if m.ID.Kind != "Deployment" {
			continue
		}
		seen++
		var d appsv1.Deployment
		if err := json.Unmarshal(m.JSON, &d); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"class", "metric", "target", "min-scale"} {
			if v, there := d.Annotations[group+key]; there {
				t.Errorf("%s: %s", key, v)
			}
		}
		if d.Annotations[group+"max-scale"] != "3" {
			t.Error("its upper bound is gone")
		}
	}
	if seen != 1 {
		t.Errorf("%d Deployments", seen)
	}
}
