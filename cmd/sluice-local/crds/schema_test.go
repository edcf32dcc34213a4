package crds

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// judge checks objects of one kind as the API server does with Istio's own
// definition: types, unknown fields, and the rules in CEL.
type judge struct {
	structural *schema.Structural
	validator  validation.SchemaValidator
	rules      *cel.Validator
}

func judges(t *testing.T) map[string]judge {
	t.Helper()
	defs, err := definitions(istio)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]judge{}
	for _, def := range defs {
		for _, version := range def.Spec.Versions {
			if version.Name != "v1" {
				continue
			}
			var internal apiextensions.JSONSchemaProps
			if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, &internal, nil); err != nil {
				t.Fatal(err)
			}
			var j judge
			if j.structural, err = schema.NewStructural(&internal); err != nil {
				t.Fatal(err)
			}
			if j.validator, _, err = validation.NewSchemaValidator(&internal); err != nil {
				t.Fatal(err)
			}
			j.rules = cel.NewValidator(j.structural, true, math.MaxInt64)
			out[def.Spec.Names.Kind] = j
		}
	}
	return out
}

func (j judge) errs(object map[string]any) (all []string) {
	for _, err := range validation.ValidateCustomResource(nil, object, j.validator) {
		all = append(all, err.Error())
	}
	errs, _ := j.rules.Validate(context.Background(), field.NewPath(""), j.structural, object, nil, math.MaxInt64)
	for _, err := range errs {
		all = append(all, err.Error())
	}
	for _, unknown := range pruning.PruneWithOptions(object, j.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}) {
		all = append(all, "no such field: "+unknown)
	}
	return all
}

// What the engine renders, in every story of its own, passes Istio's schema.
func TestIstio_AcceptsWhatTheEngineRenders(t *testing.T) {
	stories, err := filepath.Glob("../../../engine/render/testdata/*.txtar")
	if err != nil || len(stories) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	all, seen := judges(t), map[string]int{}
	for _, story := range stories {
		archive, err := txtar.ParseFile(story)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			var object map[string]any
			if !strings.HasPrefix(f.Name, "want/") || yaml.Unmarshal(f.Data, &object) != nil || object["apiVersion"] != "networking.istio.io/v1" || object["spec"] == nil {
				continue
			}
			kind := fmt.Sprint(object["kind"])
			seen[kind]++
			for _, err := range all[kind].errs(object) {
				t.Errorf("%s: %s: %s", filepath.Base(story), f.Name, err)
			}
		}
	}
	if seen["VirtualService"] < 5 || seen["Gateway"] < 1 {
		t.Errorf("only %v were checked", seen)
	}
}

func TestIstio_TheJudgeSeesWhatIsWrong(t *testing.T) {
	j := judges(t)["VirtualService"]
	for name, text := range map[string]string{
		"a type":             `{"spec": {"hosts": ["a.b"], "http": [{"route": [{"destination": {"host": "c.d"}, "weight": "all"}]}]}}`,
		"an unknown field":   `{"spec": {"hosts": ["a.b"], "http": [{"route": [{"destination": {"host": "c.d"}, "share": 1}]}]}}`,
		"a missing field":    `{"spec": {"hosts": ["a.b"], "http": [{"route": [{"weight": 1}]}]}}`,
		"one of two matches": `{"spec": {"hosts": ["a.b"], "http": [{"match": [{"authority": {"exact": "a", "prefix": "b"}}], "route": [{"destination": {"host": "c.d"}}]}]}}`,
	} {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(text), &object); err != nil {
			t.Fatal(err)
		}
		if len(j.errs(object)) == 0 {
			t.Errorf("%s is not seen", name)
		}
	}
}
