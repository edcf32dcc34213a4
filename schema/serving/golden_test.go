package serving_test

import (
	"bytes"
	"testing"

	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
	"github.com/sluice-dev/sluice/schema/golden"
	"github.com/sluice-dev/sluice/schema/serving"
)

// TestGolden reads spec.yaml of each story and compares the nouns and the
// problems that come of it.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata/*/*.txtar", func(t *testing.T, files []txtar.File) []txtar.File {
		return append(files[:1:1], outcome(t, files[0])...)
	})
}

// outcome is what becomes of a file: its problems, and the nouns of its specs.
func outcome(t *testing.T, in txtar.File) []txtar.File {
	t.Helper()
	tree := load.Join([]load.Part{load.Read(load.File{Path: in.Name, Data: in.Data}, schema.NewKinds(serving.Kinds()))})
	var problems, nouns bytes.Buffer
	for _, p := range tree.Problems {
		problems.WriteString(p.String() + "\n")
	}
	for _, e := range tree.Specs {
		for name, part := range parts(e.Spec.(desired.Source).Desire()) {
			b, err := yaml.Marshal(part)
			if err != nil {
				t.Fatal(err)
			}
			nouns.WriteString("# " + name + " of " + e.Identity.String() + "\n")
			nouns.Write(b)
		}
	}
	var out []txtar.File
	if problems.Len() > 0 {
		out = append(out, txtar.File{Name: "problems", Data: problems.Bytes()})
	}
	return append(out, txtar.File{Name: "nouns", Data: nouns.Bytes()})
}

// parts lists nouns by name, workloads first.
func parts(n desired.Nouns) func(func(string, any) bool) {
	return func(yield func(string, any) bool) {
		for _, w := range n.Workloads {
			if !yield("Workload", w) {
				return
			}
		}
		for _, r := range n.Routes {
			if !yield("Route", r) {
				return
			}
		}
		for _, b := range n.Tasks {
			if !yield("Task", b) {
				return
			}
		}
		if len(n.Workloads)+len(n.Routes) == 0 {
			yield("Nothing", nil)
		}
	}
}
