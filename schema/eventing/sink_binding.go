package eventing

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
)

// sinkBinding is a SinkBinding as written.
type sinkBinding struct {
	object `json:",inline"`
	Spec   struct {
		sourceSpec `json:",inline"`
		Subject    struct {
			APIVersion string                `json:"apiVersion,omitempty"`
			Kind       string                `json:"kind,omitempty"`
			Namespace  string                `json:"namespace,omitempty"`
			Name       string                `json:"name,omitempty"`
			Selector   *metav1.LabelSelector `json:"selector,omitempty"`
		} `json:"subject"`
	} `json:"spec"`
}

// bindable are the kinds whose pods can be given a sink.
var bindable = map[string]bool{
	"apps/Deployment": true, "apps/StatefulSet": true, "apps/DaemonSet": true, "batch/Job": true, "batch/CronJob": true,
	"serving.knative.dev/Service": true,
}

func decodeSinkBinding(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, (*check).sinkBinding)
}

func (c *check) sinkBinding(w *sinkBinding) desired.Nouns {
	b := desired.Binding{Namespace: c.doc.Identity.Namespace, Name: c.doc.Identity.Name, Overrides: c.overrides(w.Spec.sourceSpec)}
	b.Sink, b.Refs = c.sourceSink(w.Spec.sourceSpec)
	s, path := w.Spec.Subject, "spec.subject"
	c.required(path+".apiVersion", s.APIVersion, "write it as apps/v1")
	group := schema.GroupOf(s.APIVersion)
	if c.required(path+".kind", s.Kind, "write the kind whose pods get K_SINK") && s.APIVersion != "" && !bindable[group+"/"+s.Kind] {
		c.errorf(path+".kind", "%s%s has no pods that can be given a sink: write Deployment, StatefulSet, DaemonSet, Job, CronJob or a Knative Service", s.Kind, ofGroup(group))
	}
	if s.Namespace != "" && s.Namespace != b.Namespace {
		c.errorf(path+".namespace", "a binding reaches its own namespace alone: leave it out, or move the binding")
	}
	switch sel := s.Selector; {
	case s.Name != "" && sel != nil:
		c.errorf(path+".selector", "a subject is one by name or many by labels: keep name or selector")
	case s.Name == "" && (sel == nil || len(sel.MatchLabels) == 0):
		c.errorf(path, "says nobody: write name, or selector with matchLabels")
	case sel != nil && len(sel.MatchExpressions) > 0:
		c.errorf(path+".selector.matchExpressions", "are not read here: write matchLabels")
	case sel != nil:
		b.Labels = sel.MatchLabels
	}
	b.Subject = c.reference(path, group, s.Kind, b.Namespace, s.Name)
	c.options(w.Annotations).done()
	return desired.Nouns{Bindings: []desired.Binding{b}}
}
