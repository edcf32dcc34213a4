package inventory

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/schema/contract"
)

// shelf is an API with room for one object.
type shelf struct {
	object []byte
	writes int
	err    error
}

func (s *shelf) Patch(_ context.Context, _ manifest.ID, body []byte, _ string, _ bool) ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	s.object, s.writes = body, s.writes+1
	return body, nil
}

func (s *shelf) Get(context.Context, manifest.ID) ([]byte, error) {
	if s.object == nil {
		return nil, apierrors.NewGenericServerResponse(http.StatusNotFound, "get", schema.GroupResource{Resource: "configmaps"}, "x", "", 0, true)
	}
	return s.object, s.err
}

var (
	deployments = manifest.Kind{APIVersion: "apps/v1", Kind: "Deployment"}
	services    = manifest.Kind{APIVersion: "v1", Kind: "Service"}
)

func open(t testing.TB, api API) *Inventory {
	t.Helper()
	inv, err := New(Config{API: api})
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

func TestID_IsWhatTheConventionSays(t *testing.T) {
	// base64url(sha256("test.default.ConfigMap.")): name, namespace, kind, group.
	want := "applyset-XYWvxXDUlCqMdjmmY1arThcdGiF0cvBW6sAfSMWYUdE-v1"
	if got := ID("test", "default"); got != want || len(got) > 63 {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEnsure_WritesOnlyWhatIsNew(t *testing.T) {
	s := &shelf{}
	inv := open(t, s)
	ensure := func(kinds []manifest.Kind, namespaces ...string) {
		t.Helper()
		if err := inv.Ensure(t.Context(), kinds, namespaces); err != nil {
			t.Fatal(err)
		}
	}
	ensure(nil)
	if s.writes != 0 {
		t.Error("nothing was written down")
	}
	ensure([]manifest.Kind{services, deployments}, "default", contract.Namespace)
	ensure([]manifest.Kind{deployments}, "default")
	if s.writes != 1 {
		t.Errorf("%d writes", s.writes)
	}
	ensure([]manifest.Kind{deployments}, "blue")
	if s.writes != 2 {
		t.Errorf("%d writes", s.writes)
	}
	var parent struct {
		Metadata struct{ Labels, Annotations map[string]string } `json:"metadata"`
	}
	if err := json.Unmarshal(s.object, &parent); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{contract.AnnotationTooling: "sluice/v1", contract.AnnotationContains: "Deployment.apps,Service", contract.AnnotationNamespaces: "blue,default"}
	if diff := cmp.Diff(want, parent.Metadata.Annotations); diff != "" || parent.Metadata.Labels[contract.LabelApplySetID] != inv.ID() {
		t.Error(diff, parent.Metadata.Labels)
	}
}

func TestLoad_GivesWhatAnEarlierRunWrote(t *testing.T) {
	s := &shelf{}
	if err := open(t, s).Ensure(t.Context(), []manifest.Kind{services, deployments}, nil); err != nil {
		t.Fatal(err)
	}
	next := open(t, s)
	kinds, err := next.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]manifest.Kind{deployments, services}, kinds); diff != "" {
		t.Error(diff)
	}
	if err := next.Shrink(t.Context(), []manifest.Kind{services}, nil); err != nil {
		t.Fatal(err)
	}
	if kinds, err = open(t, s).Load(t.Context()); err != nil || len(kinds) != 1 {
		t.Errorf("after a shrink: %v, %v", kinds, err)
	}
}

func TestEnsure_AWriteThatFailedIsNotBelieved(t *testing.T) {
	s := &shelf{err: errors.New("away")}
	inv := open(t, s)
	if err := inv.Ensure(t.Context(), []manifest.Kind{services}, nil); err == nil {
		t.Fatal("no error")
	}
	s.err = nil
	if err := inv.Ensure(t.Context(), []manifest.Kind{services}, nil); err != nil || s.writes != 1 {
		t.Errorf("%v, %d writes", err, s.writes)
	}
}

func TestLoad_AnotherToolsParentIsRefused(t *testing.T) {
	s := &shelf{object: []byte(`{"metadata":{"annotations":{"applyset.kubernetes.io/tooling":"kubectl/v1.36"}}}`)}
	if _, err := open(t, s).Load(t.Context()); err == nil || !strings.Contains(err.Error(), "belongs to kubectl/v1.36") {
		t.Error(err)
	}
}

// TestEnsure_NeverForgets: whatever is ensured in whatever order by however
// many runs, the parent names all of it.
func TestEnsure_NeverForgets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &shelf{}
		all := map[manifest.Kind]bool{}
		kind := rapid.Custom(func(t *rapid.T) manifest.Kind {
			return manifest.Kind{APIVersion: rapid.SampledFrom([]string{"v1", "apps/v1", "a.b/v1"}).Draw(t, "version"), Kind: rapid.SampledFrom([]string{"A", "B", "C", "D"}).Draw(t, "kind")}
		})
		for range rapid.IntRange(1, 4).Draw(t, "runs") {
			inv, err := New(Config{API: s})
			if err != nil {
				t.Fatal(err)
			}
			for range rapid.IntRange(1, 4).Draw(t, "passes") {
				kinds := rapid.SliceOf(kind).Draw(t, "kinds")
				if err := inv.Ensure(context.Background(), kinds, nil); err != nil {
					t.Fatal(err)
				}
				for _, k := range kinds {
					all[k] = true
				}
			}
			got, err := inv.Load(context.Background())
			if err != nil || len(got) != len(all) {
				t.Fatalf("loaded %v of %v, %v", got, all, err)
			}
		}
	})
}

func FuzzParseKinds(f *testing.F) {
	f.Add("apps/v1 Deployment\nv1 Service\n")
	f.Add("a/b/c D\n\n x\ny")
	f.Fuzz(func(t *testing.T, text string) {
		kinds := parseKinds(text)
		if diff := cmp.Diff(kinds, parseKinds(formatKinds(kinds))); diff != "" {
			t.Error(diff)
		}
	})
}
