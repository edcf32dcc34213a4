package plain

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
)

// read decodes one document by a policy.
func read(t *testing.T, p Policy, apiVersion, kind, namespace, json string) (schema.Spec, []schema.Problem) {
	t.Helper()
	found, miss := schema.NewKinds(Kinds(p)).Find(apiVersion, kind)
	if miss.Field != "" {
		t.Fatal(miss.Text)
	}
	return found.Decode(schema.Document{
		File: "a.yaml", APIVersion: apiVersion, Kind: kind, JSON: []byte(json),
		Identity: schema.Identity{Group: schema.GroupOf(apiVersion), Kind: kind, Namespace: namespace, Name: "a"},
	})
}

func TestObject_PassesThroughWithoutWhatAClusterWrites(t *testing.T) {
	spec, problems := read(t, Policy{}, "v1", "ConfigMap", "default", `{"kind":"ConfigMap","apiVersion":"v1",
		"metadata":{"name":"a","uid":"x","resourceVersion":"1","creationTimestamp":null,"managedFields":[],"labels":{"a":"b"}},"data":{"n":"12345678901234567890"}}`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	nouns := spec.(desired.Source).Desire()
	want := desired.Nouns{Objects: []desired.Object{{
		APIVersion: "v1", Identity: schema.Identity{Kind: "ConfigMap", Namespace: "default", Name: "a"},
		JSON: []byte(`{"apiVersion":"v1","data":{"n":"12345678901234567890"},"kind":"ConfigMap","metadata":{"labels":{"a":"b"},"name":"a","namespace":"default"}}`),
	}}}
	if diff := cmp.Diff(want, nouns); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPolicy_AllowsWhatItLists(t *testing.T) {
	for _, c := range []struct {
		name             string
		policy           Policy
		apiVersion, kind string
		want             bool
	}{
		{"a ConfigMap", Policy{}, "v1", "ConfigMap", true},
		{"a NetworkPolicy", Policy{}, "networking.k8s.io/v1", "NetworkPolicy", true},
		{"a Secret of no data", Policy{}, "v1", "Secret", true},
		{"a Role", Policy{}, "rbac.authorization.k8s.io/v1", "Role", false},
		{"a Role that is allowed", Policy{Allow: []string{"Role.rbac.authorization.k8s.io"}}, "rbac.authorization.k8s.io/v1", "Role", true},
		{"a Role of another group", Policy{Allow: []string{"Role"}}, "rbac.authorization.k8s.io/v1", "Role", false},
		{"a ConfigMap of another group", Policy{}, "example.com/v1", "ConfigMap", false},
		{"a Pod", Policy{}, "v1", "Pod", false},
		{"somebody's own kind", Policy{Allow: []string{"Certificate.cert-manager.io"}}, "cert-manager.io/v1", "Certificate", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec, problems := read(t, c.policy, c.apiVersion, c.kind, "default", `{"metadata":{"name":"a"}}`)
			if got := spec != nil; got != c.want {
				t.Errorf("got %v, want %v: %v", got, c.want, problems)
			}
			if !c.want && !strings.Contains(problems[0].Text, "sluice install --allow "+qualified(c.apiVersion, c.kind)) {
				t.Errorf("the text does not say what to do: %s", problems[0].Text)
			}
		})
	}
}

func TestPolicy_SecretsPassOnlyWhereTheInstallationSaysSo(t *testing.T) {
	const secret = `{"metadata":{"name":"a"},"stringData":{"password":"hunter2"}}`
	spec, problems := read(t, Policy{}, "v1", "Secret", "default", secret)
	if spec != nil || len(problems) != 1 || problems[0].Path != "stringData" || strings.Contains(problems[0].Text, "hunter2") {
		t.Errorf("got %v, %v", spec, problems)
	}
	if spec, problems = read(t, Policy{AllowSecrets: true}, "v1", "Secret", "default", secret); spec == nil {
		t.Errorf("allowed, but refused: %v", problems)
	}
}

func TestObject_OfAClusterScopedKindHasNoNamespace(t *testing.T) {
	p := Policy{Allow: []string{"ClusterIssuer.cert-manager.io"}, ClusterScoped: []string{"ClusterIssuer.cert-manager.io"}}
	spec, problems := read(t, p, "cert-manager.io/v1", "ClusterIssuer", "default", `{"metadata":{"name":"a"}}`)
	if len(problems) > 0 || spec.Identity().Namespace != "" {
		t.Errorf("got %v, %v", spec, problems)
	}
}

func TestObject_TakesNoNameThatThePlatformWrites(t *testing.T) {
	for _, key := range []string{"applyset.kubernetes.io/part-of", "sluice.dev/unit", "serving.knative.dev/revision"} {
		if spec, _ := read(t, Policy{}, "v1", "ConfigMap", "default", `{"metadata":{"name":"a","labels":{"`+key+`":"x"}}}`); spec != nil {
			t.Errorf("%s: taken", key)
		}
	}
}
