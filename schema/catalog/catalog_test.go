package catalog

import (
	"testing"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
	"github.com/sluice-dev/sluice/schema/plain"
)

// bodies are the least documents of the kinds that need more than a name.
var bodies = map[string]string{
	"Service serving.knative.dev/v1":             `"spec":{"template":{"spec":{"containers":[{"image":"a"}]}}}`,
	"Configuration serving.knative.dev/v1":       `"spec":{"template":{"spec":{"containers":[{"image":"a"}]}}}`,
	"Route serving.knative.dev/v1":               `"spec":{"traffic":[{"revisionName":"a-00001","percent":100}]}`,
	"Service serving.knative.dev/v1alpha1":       `"spec":{"manual":{}}`,
	"Configuration serving.knative.dev/v1alpha1": `"spec":{"revisionTemplate":{"spec":{"container":{"image":"a"}}}}`,
	"Route serving.knative.dev/v1alpha1":         `"spec":{"traffic":[{"revisionName":"a-00001","percent":100}]}`,
}

// document is the least document of a kind.
func document(k schema.Kind, namespace, name string) schema.Document {
	body := bodies[k.Kind+" "+k.APIVersion]
	if body == "" {
		body = `"kind":"` + k.Kind + `"`
	}
	if k.ClusterScoped {
		namespace = ""
	}
	return schema.Document{
		File: "a.yaml", APIVersion: k.APIVersion, Kind: k.Kind,
		Identity: schema.Identity{Group: schema.GroupOf(k.APIVersion), Kind: k.Kind, Namespace: namespace, Name: name},
		JSON:     []byte(`{"metadata":{"name":"` + name + `"},` + body + `}`),
	}
}

// everything is a policy under which all kinds pass.
func everything() plain.Policy {
	var p plain.Policy
	for _, k := range plain.Kinds(p) {
		name := k.Kind
		if group := schema.GroupOf(k.APIVersion); group != "" {
			name += "." + group
		}
		p.Allow = append(p.Allow, name)
	}
	return p
}

func TestKinds_EverySpecSaysWhatItDesires(t *testing.T) {
	for _, k := range Kinds(everything()) {
		spec, problems := k.Decode(document(k, "default", "a"))
		if schema.HasErrors(problems) {
			t.Errorf("%s %s: %v", k.APIVersion, k.Kind, problems)
			continue
		}
		if _, ok := spec.(desired.Source); !ok {
			t.Errorf("%s %s: %T is no desired.Source", k.APIVersion, k.Kind, spec)
		}
	}
}

func TestKinds_NoneReachesIntoTheClustersOwnNamespaces(t *testing.T) {
	for _, namespace := range []string{"kube-system", "kube-public", "sluice-system"} {
		for _, k := range Kinds(everything()) {
			name := "a"
			if k.Kind == "Namespace" {
				name = namespace
			} else if k.ClusterScoped {
				continue
			}
			if spec, problems := k.Decode(document(k, namespace, name)); spec != nil || !schema.HasErrors(problems) {
				t.Errorf("%s %s passes into %s", k.APIVersion, k.Kind, namespace)
			}
		}
	}
}
