package appliertest

import (
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

func created(t *testing.T, w World) {
	m := w.deployment(t, "created", "hello")
	o := w.done(t, step(plan.Create, m, plan.Object{}))
	if !o.Ours || o.UID == "" || o.ResourceVersion == "" || o.Digest != m.Digest || o.Commit != "c0ffee" || o.ID != m.ID {
		t.Errorf("outcome's object: %+v", o)
	}
	if strings.Contains(string(o.JSON), "managedFields") || !strings.Contains(string(o.JSON), `"kind":"Deployment"`) {
		t.Errorf("outcome's JSON: %s", o.JSON)
	}
	if known := w.Observer.Live().Of(m.ID); known.UID != o.UID {
		t.Errorf("not known right after the write: %+v", known)
	}
	live := w.await(t, "the watch's own copy", func(l plan.Live) bool { return l.Of(m.ID).UID == o.UID })
	if got := live.Of(m.ID); !got.Ours || got.Digest != m.Digest || strings.Contains(string(got.JSON), "managedFields") {
		t.Errorf("observed: %+v", got)
	}
}

func quiet(t *testing.T, w World) {
	m := w.configMap(t, "quiet", map[string]any{"a": "1"})
	first := w.done(t, step(plan.Create, m, plan.Object{}))
	second := w.done(t, step(plan.Update, m, first))
	if first.ResourceVersion != second.ResourceVersion {
		t.Errorf("an apply that changes nothing made version %s of %s", second.ResourceVersion, first.ResourceVersion)
	}
}

func changed(t *testing.T, w World) {
	m := w.deployment(t, "changed", "one")
	o := w.done(t, step(plan.Create, m, plan.Object{}))
	next := w.deployment(t, "changed", "two")
	o2 := w.done(t, step(plan.Update, next, o))
	if got := says(w.read(t, m.ID)); got != "two" {
		t.Errorf("the container says %q", got)
	}
	if o2.UID != o.UID || o2.Digest != next.Digest {
		t.Errorf("outcome: %+v", o2)
	}
	w.await(t, "the change", func(l plan.Live) bool { return l.Of(m.ID).Digest == next.Digest })
}

func refused(t *testing.T, w World) {
	m := w.configMap(t, "refused", map[string]any{"a": "ours"})
	w.meddle(t, m.ID, "somebody", map[string]any{"data": map[string]any{"a": "theirs"}})
	outcome := w.failed(t, step(plan.Create, m, plan.Object{}))
	if !outcome.Terminal || !strings.Contains(outcome.Err.Error(), `"somebody"`) {
		t.Errorf("terminal %v, %v", outcome.Terminal, outcome.Err)
	}
	if got := at(w.read(t, m.ID), "data", "a"); got != "theirs" {
		t.Errorf("data.a is %v", got)
	}
}

func notMerged(t *testing.T, w World) {
	m := w.configMap(t, "not-merged", map[string]any{"b": "ours"})
	w.meddle(t, m.ID, "somebody", map[string]any{"data": map[string]any{"a": "theirs"}})
	w.failed(t, step(plan.Create, m, plan.Object{}))
	o := w.read(t, m.ID)
	if at(o, "data", "b") != nil || at(o, "metadata", "labels", contract.LabelPartOf) != nil {
		t.Errorf("merged: %v", o)
	}
}

func otherEngine(t *testing.T, w World) {
	m := w.configMap(t, "other-engine", map[string]any{"a": "ours"})
	m.Adopt = true
	w.meddle(t, m.ID, "somebody", map[string]any{"metadata": map[string]any{"labels": map[string]any{contract.LabelPartOf: "applyset-other-v1"}}, "data": map[string]any{"a": "theirs"}})
	outcome := w.failed(t, step(plan.Create, m, plan.Object{}))
	if !outcome.Terminal || !strings.Contains(outcome.Err.Error(), "applyset-other-v1") {
		t.Errorf("terminal %v, %v", outcome.Terminal, outcome.Err)
	}
}

func adopted(t *testing.T, w World) {
	m := w.configMap(t, "adopted", map[string]any{"a": "ours"})
	m.Adopt = true
	w.meddle(t, m.ID, "somebody", map[string]any{"data": map[string]any{"a": "theirs"}})
	o := w.done(t, step(plan.Create, m, plan.Object{}))
	if !o.Ours || at(w.read(t, m.ID), "data", "a") != "ours" {
		t.Errorf("adopted: %+v", o)
	}
	w.await(t, "the adopted object", func(l plan.Live) bool { return l.Of(m.ID).Ours })
}

// takenBack: an engine that lost sight of its object (its label was taken off)
// finds it again, scaled as it is.
func takenBack(t *testing.T, w World) {
	m := w.deployment(t, "taken-back", "one")
	o := w.done(t, step(plan.Create, m, plan.Object{}))
	if err := w.Scale(t.Context(), m.ID, 4); err != nil {
		t.Fatal(err)
	}
	w.meddle(t, m.ID, "somebody", map[string]any{"metadata": map[string]any{"labels": map[string]any{contract.LabelPartOf: ""}}})
	w.await(t, "the object leaving", func(l plan.Live) bool { _, there := l[m.ID]; return !there })
	n := int32(2)
	m.Replicas = &n
	again := w.done(t, step(plan.Create, m, plan.Object{}))
	if again.UID != o.UID || !again.Ours || count(w.read(t, m.ID)) != "4" {
		t.Errorf("replicas %s, %+v", count(w.read(t, m.ID)), again)
	}
	w.await(t, "the object's return", func(l plan.Live) bool { return l.Of(m.ID).Ours })
}

func healed(t *testing.T, w World) {
	m := w.deployment(t, "healed", "ours")
	o := w.done(t, step(plan.Create, m, plan.Object{}))
	w.meddle(t, m.ID, "somebody", map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{
		map[string]any{"name": "app", "env": []any{map[string]any{"name": "SAYS", "value": "theirs"}}},
	}}}}})
	live := w.await(t, "the drift", func(l plan.Live) bool { return strings.Contains(string(l.Of(m.ID).JSON), "theirs") })
	if live.Of(m.ID).UID != o.UID {
		t.Fatalf("observed: %+v", live.Of(m.ID))
	}
	w.done(t, step(plan.Heal, m, live.Of(m.ID)))
	if got := says(w.read(t, m.ID)); got != "ours" {
		t.Errorf("the container says %q", got)
	}
}

func scaled(t *testing.T, w World) {
	for _, n := range []struct {
		name string
		to   int
		want string
	}{{"scaled-up", 5, "5"}, {"scaled-to-zero", 0, "0"}} {
		m := w.deployment(t, n.name, "one")
		three := int32(3)
		m.Replicas = &three
		o := w.done(t, step(plan.Create, m, plan.Object{}))
		if got := count(w.read(t, m.ID)); got != "3" {
			t.Errorf("%s: created with %s replicas", n.name, got)
		}
		if err := w.Scale(t.Context(), m.ID, n.to); err != nil {
			t.Fatal(err)
		}
		// The step knows the object from before it was scaled: the worst case.
		o = w.done(t, step(plan.Update, w.deployment(t, n.name, "two"), o))
		if got := count(w.read(t, m.ID)); got != n.want {
			t.Errorf("%s: an update made it %s", n.name, got)
		}
		w.done(t, step(plan.Heal, w.deployment(t, n.name, "three"), o))
		if o := w.read(t, m.ID); count(o) != n.want || says(o) != "three" {
			t.Errorf("%s: then %s, saying %q", n.name, count(o), says(o))
		}
	}
}

func unscaled(t *testing.T, w World) {
	for _, n := range []struct {
		name string
		n    int32
		want string
	}{{"none", 0, "0"}, {"one", 1, "1"}, {"three", 3, "3"}} {
		m := w.deployment(t, "unscaled-"+n.name, "one")
		m.Replicas = &n.n
		o := w.done(t, step(plan.Create, m, plan.Object{}))
		for _, word := range []string{"two", "three"} {
			o = w.done(t, step(plan.Update, w.deployment(t, m.ID.Name, word), o))
			if o := w.read(t, m.ID); count(o) != n.want || says(o) != word {
				t.Errorf("%s: %s replicas saying %q", n.name, count(o), says(o))
			}
		}
		if o.OwnsReplicas {
			t.Errorf("%s: replicas are still ours", n.name)
		}
	}
}
