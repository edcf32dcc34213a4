package eventing_test

import (
	"bytes"
	"reflect"
	"testing"

	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
	"github.com/sluice-dev/sluice/schema/eventing"
	"github.com/sluice-dev/sluice/schema/golden"
)

// TestGolden reads spec.yaml of each story and compares the nouns and the
// problems that come of it. What is empty in a noun is not printed.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata/*/*.txtar", func(t *testing.T, files []txtar.File) []txtar.File {
		return append(files[:1:1], outcome(t, files[0])...)
	})
}

// outcome is what becomes of a file: its problems, and the nouns of its specs.
func outcome(t *testing.T, in txtar.File) []txtar.File {
	t.Helper()
	tree := load.Join([]load.Part{load.Read(load.File{Path: in.Name, Data: in.Data}, schema.NewKinds(eventing.Kinds()))})
	var problems, nouns bytes.Buffer
	for _, p := range tree.Problems {
		problems.WriteString(p.String() + "\n")
	}
	for _, e := range tree.Specs {
		n := reflect.ValueOf(e.Spec.(desired.Source).Desire())
		for i := range n.NumField() {
			for j := range n.Field(i).Len() {
				nouns.WriteString("# " + n.Field(i).Index(j).Type().Name() + " of " + e.Identity.String() + "\n")
				nouns.Write(print(t, n.Field(i).Index(j).Interface()))
			}
		}
	}
	var out []txtar.File
	if problems.Len() > 0 {
		out = append(out, txtar.File{Name: "problems", Data: problems.Bytes()})
	}
	return append(out, txtar.File{Name: "nouns", Data: nouns.Bytes()})
}

func print(t *testing.T, noun any) []byte {
	t.Helper()
	b, err := yaml.Marshal(noun)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if b, err = yaml.Marshal(prune(v)); err != nil {
		t.Fatal(err)
	}
	return b
}

// prune drops what is empty; nil is nothing left.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if v[key] = prune(value); v[key] == nil {
				delete(v, key)
			}
		}
		if len(v) > 0 {
			return v
		}
		return nil
	case []any:
		if len(v) == 0 {
			return nil
		}
		for i := range v {
			v[i] = prune(v[i])
		}
	case string:
		if v == "" || v == "0s" {
			return nil
		}
	case float64:
		if v == 0 {
			return nil
		}
	case bool:
		if !v {
			return nil
		}
	}
	return v
}
