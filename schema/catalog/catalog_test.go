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

	"Feed feeds.knative.dev/v1alpha1":                   `"spec":{"action":{"channelName":"a"},"trigger":{"eventType":"a","resource":"a/b"}}`,
	"EventType feeds.knative.dev/v1alpha1":              `"spec":{"eventSource":"a"}`,
	"ClusterEventType feeds.knative.dev/v1alpha1":       `"spec":{"eventSource":"a"}`,
	"Bus channels.knative.dev/v1alpha1":                 `"spec":{"dispatcher":{"name":"a","image":"a/stub"}}`,
	"ClusterBus channels.knative.dev/v1alpha1":          `"spec":{"dispatcher":{"name":"a","image":"a/stub"}}`,
	"Channel channels.knative.dev/v1alpha1":             `"spec":{"clusterBus":"stub"}`,
	"Subscription channels.knative.dev/v1alpha1":        `"spec":{"channel":"a","subscriber":"a"}`,
	"Flow flows.knative.dev/v1alpha1":                   `"spec":{"action":{"targetURI":"http://a"},"trigger":{"eventType":"a","resource":"a/b"}}`,
	"Subscription messaging.knative.dev/v1":             `"spec":{"channel":{"apiVersion":"messaging.knative.dev/v1","kind":"Channel","name":"a"},"subscriber":{"uri":"http://a"}}`,
	"Trigger eventing.knative.dev/v1":                   `"spec":{"subscriber":{"uri":"http://a"}}`,
	"PingSource sources.knative.dev/v1":                 `"spec":{"sink":{"uri":"http://a"}}`,
	"ApiServerSource sources.knative.dev/v1":            `"spec":{"resources":[{"apiVersion":"v1","kind":"Event"}],"sink":{"uri":"http://a"}}`,
	"ContainerSource sources.knative.dev/v1":            `"spec":{"template":{"spec":{"containers":[{"image":"a"}]}},"sink":{"uri":"http://a"}}`,
	"SinkBinding sources.knative.dev/v1":                `"spec":{"subject":{"apiVersion":"apps/v1","kind":"Deployment","name":"a"},"sink":{"uri":"http://a"}}`,
	"KafkaSource sources.knative.dev/v1":                `"spec":{"bootstrapServers":["a:1"],"topics":["a"],"sink":{"uri":"http://a"}}`,
	"KafkaSource sources.knative.dev/v1beta1":           `"spec":{"bootstrapServers":["a:1"],"topics":["a"],"sink":{"uri":"http://a"}}`,
	"GitHubSource sources.knative.dev/v1alpha1":         `"spec":{"ownerAndRepository":"a/b","eventTypes":["push"],"secretToken":{"secretKeyRef":{"name":"a","key":"b"}},"sink":{"uri":"http://a"}}`,
	"CloudPubSubSource events.cloud.google.com/v1":      `"spec":{"topic":"abc","sink":{"uri":"http://a"}}`,
	"CloudPubSubSource events.cloud.google.com/v1beta1": `"spec":{"topic":"abc","sink":{"uri":"http://a"}}`,

	"Build build.knative.dev/v1alpha1":                `"spec":{"steps":[{"image":"a"}]}`,
	"BuildTemplate build.knative.dev/v1alpha1":        `"spec":{"steps":[{"image":"a"}]}`,
	"DomainMapping serving.knative.dev/v1beta1":       `"spec":{"ref":{"kind":"Service","name":"b","apiVersion":"serving.knative.dev/v1"}}`,
	"DomainMapping serving.knative.dev/v1alpha1":      `"spec":{"ref":{"kind":"Service","name":"b","apiVersion":"serving.knative.dev/v1"}}`,
	"ClusterBuildTemplate build.knative.dev/v1alpha1": `"spec":{"steps":[{"image":"a"}]}`,
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
		name := "a"
		if k.Kind == "DomainMapping" {
			name = "a.example.com"
		}
		spec, problems := k.Decode(document(k, "default", name))
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
