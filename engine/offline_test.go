package engine

import (
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/catalog"
	"github.com/sluice-dev/sluice/schema/plain"
)

func TestRenderTree_NeedsNoCluster(t *testing.T) {
	w := newWorld(t)
	w.push("one", map[string]string{"hello.yaml": hello("hello", "one")})
	w.tag("refs/tags/v1")
	w.push("two", split("two", "  - gitRef: v1\n    percent: 30\n    tag: old\n  - latestRevision: true\n    percent: 70\n"))
	manifests, problems, err := RenderTree(t.Context(), w, schema.NewKinds(catalog.Kinds(plain.Policy{})), render.Config{Domain: "example.com", ApplySet: "test"}, Builds{})
	if err != nil || len(problems) != 0 {
		t.Fatalf("%v, %v", problems, err)
	}
	var kinds []string
	for _, m := range manifests {
		kinds = append(kinds, m.ID.Kind)
		if m.ID.Kind == "VirtualService" && !strings.Contains(string(m.JSON), "old-hello.default.example.com") {
			t.Errorf("the tag has no host: %s", m.JSON)
		}
	}
	if got := strings.Join(kinds, " "); got != "Deployment Deployment Service VirtualService" {
		t.Errorf("manifests: %s", got)
	}
}
