package eventing

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// apiServerSource is an ApiServerSource as written.
type apiServerSource struct {
	object `json:",inline"`
	Spec   struct {
		sourceSpec         `json:",inline"`
		Resources          []apiResource         `json:"resources,omitempty"`
		Owner              *apiOwner             `json:"owner,omitempty"`
		Mode               string                `json:"mode,omitempty"`
		ServiceAccountName string                `json:"serviceAccountName,omitempty"`
		NamespaceSelector  *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
		Filters            []filter              `json:"filters,omitempty"`
	} `json:"spec"`
}

type apiResource struct {
	APIVersion string                `json:"apiVersion,omitempty"`
	Kind       string                `json:"kind,omitempty"`
	Selector   *metav1.LabelSelector `json:"selector,omitempty"`
}

type apiOwner struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty"`
}

func decodeAPIServerSource(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, (*check).apiServerSource)
}

func (c *check) apiServerSource(w *apiServerSource) desired.Nouns {
	e := c.emitter("ApiServerSource", contract.SourceKubernetes, w.Spec.sourceSpec, w.Labels)
	e.ServiceAccount = w.Spec.ServiceAccountName
	k := contract.KubernetesSource{Mode: w.Spec.Mode}
	c.oneOf("spec.mode", k.Mode, contract.ModeReference, contract.ModeResource)
	if k.Mode == "" {
		k.Mode = contract.ModeReference
	}
	if len(w.Spec.Resources) == 0 {
		c.errorf("spec.resources", "resources is missing: write at least one apiVersion and kind to watch")
	}
	for i, r := range w.Spec.Resources {
		k.Resources = append(k.Resources, c.apiResource(index("spec.resources", i), r))
	}
	if o := w.Spec.Owner; o != nil {
		c.required("spec.owner.apiVersion", o.APIVersion, "write that of the owner's kind")
		c.required("spec.owner.kind", o.Kind, "write the owner's kind")
		k.Owner = &contract.KubernetesOwner{APIVersion: o.APIVersion, Kind: o.Kind}
	}
	if s := w.Spec.NamespaceSelector; s != nil {
		if len(s.MatchLabels)+len(s.MatchExpressions) > 0 {
			c.errorf("spec.namespaceSelector", "namespaces are chosen by name here: write `{}` for all of them, or the annotation %snamespaces", optionPrefix)
		}
		k.Namespaces = []string{"*"}
	}
	c.inert("spec.filters", len(w.Spec.Filters) > 0, "let the Subscription or Trigger filter")
	o := c.options(w.Annotations)
	if text, ok := o.take("namespaces"); ok {
		k.Namespaces = c.names(o.path("namespaces"), text)
	}
	o.done()
	e.Kubernetes = &k
	return desired.Nouns{Emitters: []desired.Emitter{e}}
}

func (c *check) apiResource(path string, r apiResource) contract.KubernetesResource {
	c.required(path+".apiVersion", r.APIVersion, "write it as v1 or apps/v1")
	c.required(path+".kind", r.Kind, "write the kind to watch")
	out := contract.KubernetesResource{APIVersion: r.APIVersion, Kind: r.Kind}
	if r.Selector != nil {
		s, err := metav1.LabelSelectorAsSelector(r.Selector)
		if err != nil {
			c.errorf(path+".selector", "is no label selector: %v", err)
			return out
		}
		out.Selector = s.String()
	}
	return out
}
