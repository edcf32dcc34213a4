package kubernetes_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/appliers/kubernetes"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

var (
	configMaps = manifest.Kind{APIVersion: "v1", Kind: "ConfigMap"}
	widgets    = manifest.Kind{APIVersion: "example.com/v1", Kind: "Widget"}
)

// put writes a ConfigMap of ours past the observer.
func (p pair) put(t *testing.T, kind manifest.Kind, name, value string) manifest.ID {
	t.Helper()
	id := manifest.ID{APIVersion: kind.APIVersion, Kind: kind.Kind, Namespace: "default", Name: name}
	body := fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":%q,"namespace":"default","labels":{%q:%q},"annotations":{%q:%q}},"data":{"a":%q}}`,
		id.APIVersion, id.Kind, id.Name, contract.LabelPartOf, set, contract.AnnotationTracking, id.String(), value)
	if _, err := p.api.Patch(t.Context(), id, []byte(body), "test", true); err != nil {
		t.Fatal(err)
	}
	return id
}

func (p pair) await(t *testing.T, what string, ok func(plan.Live) bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for !ok(p.observer.Live()) {
		select {
		case <-p.observer.Changes():
		case <-deadline:
			t.Fatalf("not seen: %s", what)
		}
	}
}

func (p pair) synced(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := p.observer.Synced(ctx); err != nil {
		t.Fatal(err)
	}
}

func has(id manifest.ID, value string) func(plan.Live) bool {
	return func(l plan.Live) bool { return strings.Contains(string(l.Of(id).JSON), `"a":"`+value+`"`) }
}

func TestObserver_KnowsWhatWasThereAndSeesWhatComes(t *testing.T) {
	p := newPair(t, configMaps)
	var ids []manifest.ID
	for i := range 10 { // more than three pages
		ids = append(ids, p.put(t, configMaps, fmt.Sprintf("old-%d", i), "1"))
	}
	foreign := manifest.ID{APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "foreign"}
	if _, err := p.api.Patch(t.Context(), foreign, []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"foreign"}}`), "test", true); err != nil {
		t.Fatal(err)
	}
	p.run(t)
	p.synced(t)
	if live := p.observer.Live(); len(live) != len(ids) {
		t.Errorf("%d objects are known, want %d", len(live), len(ids))
	}
	p.await(t, "a new object", has(p.put(t, configMaps, "new", "1"), "1"))
	p.await(t, "a changed object", has(p.put(t, configMaps, "old-3", "2"), "2"))
}

func TestObserver_MissesNothingWhenWatchesBreak(t *testing.T) {
	for _, c := range []struct {
		name  string
		cut   func(p pair)
		pages bool
	}{
		{"broken off", func(p pair) { p.server.DropWatches() }, false},
		{"broken off, with lists by page", func(p pair) { p.server.DropWatches() }, true},
		{"broken off and forgotten", func(p pair) { p.server.Compact(); p.server.DropWatches() }, false},
		{"broken off and forgotten, with lists by page", func(p pair) { p.server.Compact(); p.server.DropWatches() }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t, configMaps)
			if c.pages {
				p.server.NoWatchList()
			}
			kept, gone := p.put(t, configMaps, "kept", "1"), p.put(t, configMaps, "gone", "1")
			p.run(t)
			p.synced(t)
			for round := range 3 {
				p.server.Fault(func(r *http.Request) *metav1.Status {
					if r.Method != http.MethodGet {
						return nil
					}
					return &metav1.Status{Status: metav1.StatusFailure, Code: http.StatusServiceUnavailable, Message: "away"}
				})
				value := fmt.Sprint("while away ", round)
				p.put(t, configMaps, "kept", value)
				if round == 1 {
					if _, err := p.api.Delete(t.Context(), gone, ""); err != nil {
						t.Fatal(err)
					}
				}
				c.cut(p)
				p.server.Fault(nil)
				p.await(t, value, has(kept, value))
			}
			p.await(t, "the deletion", func(l plan.Live) bool { _, there := l[gone]; return !there })
		})
	}
}

func TestObserver_AKindMayBeAddedAndMayComeLate(t *testing.T) {
	p := newPair(t, configMaps)
	var late atomic.Bool
	p.server.Fault(func(r *http.Request) *metav1.Status {
		if strings.HasPrefix(r.URL.Path, "/apis/example.com") && !late.Load() {
			return &metav1.Status{Status: metav1.StatusFailure, Code: http.StatusNotFound, Message: "404 page not found"}
		}
		return nil
	})
	p.run(t)
	p.observer.Watch(configMaps, widgets)
	p.synced(t) // a kind that is not there holds nobody up
	late.Store(true)
	id := manifest.ID{APIVersion: widgets.APIVersion, Kind: widgets.Kind, Namespace: "default", Name: "a"}
	outcome := p.applier.Apply(t.Context(), plan.Step{Action: plan.Create, ID: id, Manifest: manifest.Manifest{ID: id}})
	if outcome.Err == nil {
		t.Fatal("a manifest of nothing was written")
	}
	deadline := time.After(10 * time.Second)
	for done := false; !done; { // the applier looks for a missing kind once a second
		var noKind *kubernetes.NoKindError
		_, err := p.api.Get(t.Context(), id)
		if done = !errors.As(err, &noKind); !done {
			select {
			case <-time.After(50 * time.Millisecond):
			case <-deadline:
				t.Fatal(err)
			}
		}
	}
	p.await(t, "an object of the late kind", has(p.put(t, widgets, "late", "1"), "1"))
}

func TestObserver_SyncedSaysWhatItWaitsFor(t *testing.T) {
	p := newPair(t, configMaps)
	p.server.Fault(func(*http.Request) *metav1.Status {
		return &metav1.Status{Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: `configmaps is forbidden: User "x" cannot list resource "configmaps"`}
	})
	p.run(t)
	deadline := time.After(10 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		err := p.observer.Synced(ctx)
		cancel()
		if err == nil {
			t.Fatal("synced without a list")
		}
		if strings.Contains(err.Error(), "ConfigMap") && strings.Contains(err.Error(), "cannot list") {
			return
		}
		select {
		case <-deadline:
			t.Fatal(err)
		default:
		}
	}
}

// A kind that the installation permits no more holds nothing up, where it is not needed.
func TestObserver_AKindThatMayNoLongerBeReadHoldsNothingUp(t *testing.T) {
	p := newPair(t, configMaps, widgets)
	var forbidden atomic.Bool
	forbidden.Store(true)
	p.server.Fault(func(r *http.Request) *metav1.Status {
		if !forbidden.Load() || !strings.Contains(r.URL.Path, "/widgets") {
			return nil
		}
		return &metav1.Status{Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: `widgets.example.com is forbidden: User "x" cannot watch resource "widgets"`}
	})
	p.observer.Need(configMaps)
	p.run(t)
	p.synced(t)
	p.await(t, "an object of the other kind", has(p.put(t, configMaps, "one", "1"), "1"))
	forbidden.Store(false) // permitted again: it is seen, as it was looked for all the time
	p.await(t, "an object of the kind", has(p.put(t, widgets, "two", "2"), "2"))
}
