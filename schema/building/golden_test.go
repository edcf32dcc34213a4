package building_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/building"
	"github.com/sluice-dev/sluice/schema/desired"
	"github.com/sluice-dev/sluice/schema/golden"
)

// TestGolden reads spec.yaml of each story and compares the nouns and the
// problems that come of it.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata/*/*.txtar", func(t *testing.T, files []txtar.File) []txtar.File {
		return append(files[:1:1], outcome(t, files[0])...)
	})
}

func outcome(t *testing.T, in txtar.File) []txtar.File {
	t.Helper()
	tree := load.Join([]load.Part{load.Read(load.File{Path: in.Name, Data: in.Data}, schema.NewKinds(building.Kinds()))})
	var problems, nouns bytes.Buffer
	for _, p := range tree.Problems {
		problems.WriteString(p.String() + "\n")
	}
	for _, e := range tree.Specs {
		n := e.Spec.(desired.Source).Desire()
		var part any = n.Templates
		if len(n.Tasks) > 0 {
			part = n.Tasks
		}
		b, err := yaml.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		nouns.WriteString("# " + e.Identity.String() + "\n")
		nouns.Write(b)
	}
	var out []txtar.File
	if problems.Len() > 0 {
		out = append(out, txtar.File{Name: "problems", Data: problems.Bytes()})
	}
	return append(out, txtar.File{Name: "nouns", Data: nouns.Bytes()})
}

func TestReady_AreTheFourOfTheDocumentation(t *testing.T) {
	var names []string
	for _, r := range building.Ready() {
		names = append(names, r.Name)
		if r.Namespace != "" || !r.Ready || len(r.Steps) == 0 {
			t.Errorf("%s: %+v", r.Name, r)
		}
	}
	if diff := cmp.Diff([]string{"buildpacks", "dockerfile", "go", "kaniko"}, names); diff != "" {
		t.Error(diff)
	}
}
