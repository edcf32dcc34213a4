package appliertest

import (
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
)

func replaced(t *testing.T, w World) {
	m := w.configMap(t, "replaced", map[string]any{"a": "1"})
	old := w.done(t, step(plan.Create, m, plan.Object{}))
	if _, err := w.Cluster.Delete(t.Context(), m.ID, ""); err != nil {
		t.Fatal(err)
	}
	next := w.configMap(t, "replaced", map[string]any{"a": "2"})
	if outcome := w.failed(t, step(plan.Update, next, old)); outcome.Terminal {
		t.Error("an object that is gone comes back: the step is worth another try")
	}
	if _, err := w.Cluster.Get(t.Context(), m.ID); err == nil {
		t.Error("an update made the object anew")
	}
	w.done(t, step(plan.Create, m, plan.Object{}))
	w.failed(t, step(plan.Update, next, old))
	if got := at(w.read(t, m.ID), "data", "a"); got != "1" {
		t.Errorf("data.a is %v", got)
	}
}

func deleted(t *testing.T, w World) {
	m := w.configMap(t, "deleted", map[string]any{"a": "1"})
	o := w.done(t, step(plan.Create, m, plan.Object{}))
	w.done(t, step(plan.Delete, manifest.Manifest{ID: m.ID}, o))
	if _, there := w.Observer.Live()[m.ID]; there {
		t.Error("still known right after the delete")
	}
	w.done(t, step(plan.Delete, manifest.Manifest{ID: m.ID}, o)) // again is done already
	w.done(t, step(plan.Delete, manifest.Manifest{ID: manifest.ID{APIVersion: "v1", Kind: "ConfigMap", Namespace: w.Namespace, Name: "never"}}, plan.Object{}))
	again := w.done(t, step(plan.Create, m, plan.Object{}))
	w.await(t, "its successor", func(l plan.Live) bool { return l.Of(m.ID).UID == again.UID })
}

func stale(t *testing.T, w World) {
	m := w.configMap(t, "stale", map[string]any{"a": "1"})
	o := w.done(t, step(plan.Create, m, plan.Object{}))
	w.done(t, step(plan.Delete, manifest.Manifest{ID: m.ID}, o))
	w.meddle(t, m.ID, "somebody", map[string]any{"data": map[string]any{"a": "theirs"}})
	if outcome := w.failed(t, step(plan.Delete, manifest.Manifest{ID: m.ID}, o)); !outcome.Terminal {
		t.Error("the other object will not become ours by trying again")
	}
	if got := at(w.read(t, m.ID), "data", "a"); got != "theirs" {
		t.Errorf("data.a is %v", got)
	}
}

func held(t *testing.T, w World) {
	m := w.configMap(t, "held", map[string]any{"a": "1"})
	o := w.done(t, step(plan.Create, m, plan.Object{}))
	w.meddle(t, m.ID, "somebody", map[string]any{"metadata": map[string]any{"finalizers": []any{"example.com/hold"}}})
	if left := w.done(t, step(plan.Delete, manifest.Manifest{ID: m.ID}, o)); left.UID != "" && !left.Terminating {
		t.Errorf("left behind: %+v", left)
	}
	live := w.await(t, "the object terminating", func(l plan.Live) bool { return l.Of(m.ID).Terminating })
	for _, action := range []plan.Action{plan.Update, plan.Create} {
		if outcome := w.failed(t, step(action, m, live.Of(m.ID))); outcome.Terminal || outcome.RetryAfter == 0 {
			t.Errorf("%s: terminal %v, retry after %s", action, outcome.Terminal, outcome.RetryAfter)
		}
	}
	w.meddle(t, m.ID, "somebody", map[string]any{"metadata": map[string]any{"finalizers": []any{}}})
	w.await(t, "the object gone", func(l plan.Live) bool { _, there := l[m.ID]; return !there })
	w.done(t, step(plan.Create, m, plan.Object{}))
}

func noNamespace(t *testing.T, w World) {
	w.Namespace = "there-is-none"
	outcome := w.failed(t, step(plan.Create, w.configMap(t, "homeless", nil), plan.Object{}))
	if outcome.Terminal || !strings.Contains(outcome.Err.Error(), "add a Namespace manifest for there-is-none") {
		t.Errorf("terminal %v, %v", outcome.Terminal, outcome.Err)
	}
}

func noKind(t *testing.T, w World) {
	id := manifest.ID{APIVersion: "example.org/v1", Kind: "Gadget", Namespace: w.Namespace, Name: "a"}
	outcome := w.failed(t, step(plan.Create, w.manifest(t, id, map[string]any{}), plan.Object{}))
	if outcome.Terminal || outcome.RetryAfter == 0 || !strings.Contains(outcome.Err.Error(), "install the CRD of Gadget") {
		t.Errorf("terminal %v, retry after %s, %v", outcome.Terminal, outcome.RetryAfter, outcome.Err)
	}
}

func invalidObject(t *testing.T, w World) {
	id := manifest.ID{APIVersion: "apps/v1", Kind: "Deployment", Namespace: w.Namespace, Name: "invalid"}
	m := w.manifest(t, id, map[string]any{"spec": map[string]any{
		"selector": map[string]any{"matchLabels": map[string]any{"app": "a"}},
		"template": map[string]any{"metadata": map[string]any{"labels": map[string]any{"app": "b"}}, "spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": "i"}}}},
	}})
	outcome := w.failed(t, step(plan.Create, m, plan.Object{}))
	if !outcome.Terminal || !strings.Contains(outcome.Err.Error(), "spec.template.metadata.labels") || strings.Contains(outcome.Err.Error(), "\n") {
		t.Errorf("terminal %v, %v", outcome.Terminal, outcome.Err)
	}
}

func unknownField(t *testing.T, w World) {
	id := manifest.ID{APIVersion: "apps/v1", Kind: "Deployment", Namespace: w.Namespace, Name: "unknown-field"}
	m := w.manifest(t, id, map[string]any{"spec": map[string]any{"relpicas": 1}})
	outcome := w.failed(t, step(plan.Create, m, plan.Object{}))
	if !outcome.Terminal || !strings.Contains(outcome.Err.Error(), ".spec.relpicas: there is no such field") {
		t.Errorf("terminal %v, %v", outcome.Terminal, outcome.Err)
	}
}

func unquoted(t *testing.T, w World) {
	for name, data := range map[string]map[string]any{
		"bad-type":   {"stringData": map[string]any{"password": 8675309}},
		"bad-base64": {"data": map[string]any{"password": "8675309 8675309"}},
		"bad-key":    {"data": map[string]any{"pass word 8675309": "ODY3NTMwOQ=="}},
	} {
		id := manifest.ID{APIVersion: "v1", Kind: "Secret", Namespace: w.Namespace, Name: name}
		outcome := w.Applier.Apply(t.Context(), step(plan.Create, w.manifest(t, id, data), plan.Object{}))
		if outcome.Err == nil {
			continue // a server with fewer rules has nothing to quote
		}
		for err := outcome.Err; err != nil; {
			if text := strings.ReplaceAll(err.Error(), "data[pass word 8675309]", ""); strings.Contains(text, "8675309") || strings.Contains(text, "ODY3NTMwOQ") {
				t.Errorf("%s: %v", name, err)
			}
			u, ok := err.(interface{ Unwrap() error })
			if !ok {
				break
			}
			err = u.Unwrap()
		}
	}
}

func big(t *testing.T, w World) {
	m := w.configMap(t, "big", map[string]any{"a": strings.Repeat("x", 900_000)})
	o := w.done(t, step(plan.Create, m, plan.Object{}))
	w.await(t, "the big object", func(l plan.Live) bool { return l.Of(m.ID).UID == o.UID })
	w.done(t, step(plan.Delete, manifest.Manifest{ID: m.ID}, o))
	for name, size := range map[string]int{"too-big": 1_200_000, "huge": 4_000_000} {
		outcome := w.failed(t, step(plan.Create, w.configMap(t, name, map[string]any{"a": strings.Repeat("x", size)}), plan.Object{}))
		if !outcome.Terminal || len(outcome.Err.Error()) > 1000 {
			t.Errorf("%s: terminal %v, %d bytes of error", name, outcome.Terminal, len(outcome.Err.Error()))
		}
	}
}
