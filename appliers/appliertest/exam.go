package appliertest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Applier is the half of the pair that writes.
type Applier interface {
	Apply(ctx context.Context, step plan.Step) plan.Outcome
}

// Observer is the half that knows. It runs while the exam does.
type Observer interface {
	Watch(kinds ...manifest.Kind)
	Synced(ctx context.Context) error
	Live() plan.Live
	Changes() <-chan struct{}
	Note(outcome plan.Outcome)
}

// Cluster is how the exam meddles as somebody else.
type Cluster interface {
	Patch(ctx context.Context, id manifest.ID, body []byte, manager string, force bool) ([]byte, error)
	Get(ctx context.Context, id manifest.ID) ([]byte, error)
	Delete(ctx context.Context, id manifest.ID, uid string) ([]byte, error)
}

// World is where the exam takes place.
type World struct {
	Applier  Applier
	Observer Observer
	Cluster  Cluster
	// Scale sets a Deployment's replicas as an autoscaler would.
	Scale func(ctx context.Context, id manifest.ID, replicas int) error
	// ApplySet is the value of the part-of label.
	ApplySet string
	// Namespace exists and is the exam's alone.
	Namespace string
	// Patience is how long a change may take to be seen. Default 10 s.
	Patience time.Duration
}

// Run sits the exam. Every question has objects of its own.
func Run(t *testing.T, w World) {
	t.Helper()
	if w.Patience == 0 {
		w.Patience = 10 * time.Second
	}
	w.Observer.Watch(manifest.Kind{APIVersion: "apps/v1", Kind: "Deployment"}, manifest.Kind{APIVersion: "v1", Kind: "ConfigMap"})
	ctx, cancel := context.WithTimeout(t.Context(), w.Patience)
	defer cancel()
	if err := w.Observer.Synced(ctx); err != nil {
		t.Fatal(err)
	}
	for _, question := range []struct {
		name string
		ask  func(*testing.T, World)
	}{
		{"a created object is known at once and seen", created},
		{"what is unchanged stays quiet", quiet},
		{"a change is written", changed},
		{"a create does not touch what belongs to another manager", refused},
		{"a create does not merge into an object it has no quarrel with", notMerged},
		{"an object of another engine is refused even with adoption", otherEngine},
		{"an adopted object is ours", adopted},
		{"a create of what was ours takes it back", takenBack},
		{"a foreign change is healed", healed},
		{"an update leaves an autoscaler's replicas alone", scaled},
		{"an update keeps the replicas of the creation", unscaled},
		{"an update of a replaced object is not done", replaced},
		{"a deleted object is gone at once and for good", deleted},
		{"a delete of another object of that name is refused", stale},
		{"an object held by a finalizer is terminating", held},
		{"a missing namespace is named", noNamespace},
		{"an unknown kind is named", noKind},
		{"an invalid object gets one sentence", invalidObject},
		{"an unknown field gets its path", unknownField},
		{"a Secret's values are never quoted", unquoted},
		{"a big object goes through and a huge one is refused", big},
	} {
		t.Run(question.name, func(t *testing.T) { question.ask(t, w) })
	}
}

// await waits until the observer knows something.
func (w World) await(t *testing.T, what string, ok func(plan.Live) bool) plan.Live {
	t.Helper()
	deadline := time.NewTimer(w.Patience)
	defer deadline.Stop()
	for {
		live := w.Observer.Live()
		if ok(live) {
			return live
		}
		select {
		case <-w.Observer.Changes():
		case <-deadline.C:
			t.Fatalf("not seen: %s", what)
		}
	}
}

// done applies a step that must succeed, and notes it.
func (w World) done(t *testing.T, step plan.Step) plan.Object {
	t.Helper()
	outcome := w.Applier.Apply(t.Context(), step)
	if outcome.Err != nil {
		t.Fatalf("%s: %v", step.Action, outcome.Err)
	}
	w.Observer.Note(outcome)
	return outcome.Object
}

// failed applies a step that must not succeed.
func (w World) failed(t *testing.T, step plan.Step) plan.Outcome {
	t.Helper()
	outcome := w.Applier.Apply(t.Context(), step)
	if outcome.Err == nil {
		t.Fatalf("%s was done", step)
	}
	t.Log(outcome.Err)
	return outcome
}

// read is the live object, decoded.
func (w World) read(t *testing.T, id manifest.ID) map[string]any {
	t.Helper()
	raw, err := w.Cluster.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var o map[string]any
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// meddle applies something as somebody else, by force.
func (w World) meddle(t *testing.T, id manifest.ID, manager string, object map[string]any) {
	t.Helper()
	object["apiVersion"], object["kind"] = id.APIVersion, id.Kind
	meta, _ := object["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
		object["metadata"] = meta
	}
	meta["name"], meta["namespace"] = id.Name, id.Namespace
	body, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Cluster.Patch(t.Context(), id, body, manager, true); err != nil {
		t.Fatal(err)
	}
}

// deployment is a manifest of a Deployment that says something in an environment variable.
func (w World) deployment(t *testing.T, name, says string) manifest.Manifest {
	t.Helper()
	id := manifest.ID{APIVersion: "apps/v1", Kind: "Deployment", Namespace: w.Namespace, Name: name}
	app := map[string]any{"app": name}
	return w.manifest(t, id, map[string]any{"spec": map[string]any{
		"selector": map[string]any{"matchLabels": app},
		"template": map[string]any{
			"metadata": map[string]any{"labels": app},
			"spec": map[string]any{"containers": []any{map[string]any{
				"name": "app", "image": "local.dev/none:1", "env": []any{map[string]any{"name": "SAYS", "value": says}},
			}}},
		},
	}})
}

// configMap is a manifest of a ConfigMap.
func (w World) configMap(t *testing.T, name string, data map[string]any) manifest.Manifest {
	t.Helper()
	return w.manifest(t, manifest.ID{APIVersion: "v1", Kind: "ConfigMap", Namespace: w.Namespace, Name: name}, map[string]any{"data": data})
}

// manifest makes an object ours, as the render station does.
func (w World) manifest(t *testing.T, id manifest.ID, object map[string]any) manifest.Manifest {
	t.Helper()
	object["metadata"] = map[string]any{
		"name": id.Name, "namespace": id.Namespace,
		"labels":      map[string]any{contract.LabelPartOf: w.ApplySet},
		"annotations": map[string]any{contract.AnnotationTracking: id.String()},
	}
	m, err := manifest.New(id, object)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// step is what the plan station makes of a manifest.
func step(action plan.Action, m manifest.Manifest, live plan.Object) plan.Step {
	s := plan.Step{Action: action, ID: m.ID, Manifest: m, Live: live, Unit: m.Unit}
	if action != plan.Delete {
		s.Stamps = manifest.Stamps{contract.AnnotationDigest: m.Digest, contract.AnnotationCommit: "c0ffee"}
	}
	return s
}

// at follows keys and indices into a decoded object.
func at(o any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := o.(map[string]any)
			o = m[p]
		case int:
			l, _ := o.([]any)
			if p >= len(l) {
				return nil
			}
			o = l[p]
		}
	}
	return o
}

func says(o map[string]any) string {
	return fmt.Sprint(at(o, "spec", "template", "spec", "containers", 0, "env", 0, "value"))
}

func count(o map[string]any) string { return fmt.Sprint(at(o, "spec", "replicas")) }
