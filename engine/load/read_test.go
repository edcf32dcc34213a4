package load

import (
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/sluice-dev/sluice/schema/catalog"
	"github.com/sluice-dev/sluice/schema/plain"
)

const hello = `apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: hello
  labels:
    app: hello
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/min-scale: "1"
    spec:
      containerConcurrency: 10
      containers:
      - image: ghcr.io/knative/helloworld-go:latest
        env:
        - name: TARGET
          value: World
        resources:
          limits:
            memory: 128Mi
  traffic:
  - latestRevision: true
    percent: 100
`

func TestRead_BadDocumentHoldsBackItselfAlone(t *testing.T) {
	bad := "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata:\n  name: x\nspec:\n  containers:\n  - image: a\n"
	tree := Join([]Part{Read(File{Path: "a.yaml", Data: []byte(bad + "---\n" + hello)}, catalog.New(plain.Policy{}))})
	if len(tree.Specs) != 1 || tree.Specs[0].Identity.Name != "hello" || len(tree.Broken) != 1 || tree.Broken[0].Name != "x" {
		t.Errorf("specs %v, broken %v", tree.Specs, tree.Broken)
	}
	want := "a.yaml:6:3: spec.containers: unknown field: did you mean spec.template.spec.containers?"
	if len(tree.Problems) != 1 || tree.Problems[0].String() != want {
		t.Errorf("got %v, want %s", tree.Problems, want)
	}
}

func BenchmarkRead_OneService(b *testing.B) {
	kinds := catalog.New(plain.Policy{})
	f := File{Path: "a.yaml", Data: []byte(hello)}
	b.ReportAllocs()
	for b.Loop() {
		if p := Read(f, kinds); len(p.Problems) > 0 {
			b.Fatal(p.Problems)
		}
	}
}

// The yardstick: what sigs.k8s.io/yaml needs for the same file, without
// positions, checks of meaning or defaults.
func BenchmarkYardstick_SigsYAMLStrict(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var into struct {
			APIVersion string         `json:"apiVersion"`
			Kind       string         `json:"kind"`
			Metadata   map[string]any `json:"metadata"`
			Spec       map[string]any `json:"spec"`
		}
		if err := yaml.UnmarshalStrict([]byte(hello), &into); err != nil {
			b.Fatal(err)
		}
	}
}
