package render

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
)

// A binding gives K_SINK to pods when they are rendered: nothing else in the
// cluster ever changes them. So its subject has to be in the repository.

// subject checks that a binding's subject is there.
func (e events) subject(b desired.Binding) {
	id := b.Subject.Identity
	if id.Name == "" || e.u.Directory.find(id) == present {
		return
	}
	e.unmet(b.Subject.Place, "%s is not in the repository%s: a binding reaches only what the repository describes, for nothing else may change what somebody else applied", id, e.u.Directory.near(id))
}

// podPaths are where the pod's spec stands in the kinds that may be bound.
var podPaths = map[string][]string{
	"Deployment": {"spec", "template", "spec"}, "StatefulSet": {"spec", "template", "spec"}, "DaemonSet": {"spec", "template", "spec"},
	"Job": {"spec", "template", "spec"}, "CronJob": {"spec", "jobTemplate", "spec", "template", "spec"},
}

// boundObject is a plain object, with the sinks that bindings give it.
func boundObject(u Unit, c Config, o desired.Object) (built, error) {
	b, err := object(o)
	path := podPaths[o.Identity.Kind]
	if err != nil || path == nil {
		return b, err
	}
	bindings := append(u.Directory.bound(o.Identity, b.meta.GetLabels()), u.Directory.boundRuns(o.Identity, b)...)
	if len(bindings) == 0 {
		return b, nil
	}
	parent, _ := b.object.(map[string]any)
	for _, key := range path[:len(path)-1] {
		if parent, _ = parent[key].(map[string]any); parent == nil {
			return b, nil // it has no pods to give anything to
		}
	}
	var pod corev1.PodSpec
	raw, err := json.Marshal(parent[path[len(path)-1]])
	if err == nil {
		err = json.Unmarshal(raw, &pod)
	}
	if err != nil {
		return b, fmt.Errorf("%s: its pod: %w", o.Identity, err)
	}
	bind(&pod, bindings, c)
	parent[path[len(path)-1]] = pod
	return b, nil
}

// boundRuns are the bindings that reach a CronJob by the labels of the Jobs that
// it makes, as Knative's own examples do.
func (d *Directory) boundRuns(id schema.Identity, b built) []listed[desired.Binding] {
	if id.Kind != "CronJob" {
		return nil
	}
	var o struct {
		Spec struct {
			JobTemplate struct {
				Metadata struct{ Labels map[string]string } `json:"metadata"`
			} `json:"jobTemplate"`
		} `json:"spec"`
	}
	raw, err := json.Marshal(b.object)
	if err != nil || json.Unmarshal(raw, &o) != nil {
		return nil // boundObject says what is wrong with it
	}
	id.Kind, id.Name = "Job", noName
	return d.bound(id, o.Spec.JobTemplate.Metadata.Labels)
}

// noName is of nothing: what has it is found by its labels alone.
const noName = "/"

// bind gives a pod the sinks of bindings. Of two for one pod the first by name
// counts: it has one K_SINK.
func bind(pod *corev1.PodSpec, bindings []listed[desired.Binding], c Config) {
	first := slices.MinFunc(bindings, func(a, b listed[desired.Binding]) int { return strings.Compare(a.noun.Name, b.noun.Name) })
	sinkEnv(pod, first.noun.Sink, first.noun.Overrides, c)
}

// Bindable reports whether a spec is a plain object with pods.
func Bindable(id schema.Identity) bool { return podPaths[id.Kind] != nil }

// Bound differs where the bindings of a unit's revisions do; empty is none.
func (d *Directory) Bound(id schema.Identity, n desired.Nouns) string {
	var all strings.Builder
	if len(n.Workloads) > 0 {
		for _, b := range d.bound(id, labelsOfRoutes(n)) {
			all.WriteString(b.print)
		}
	}
	return all.String()
}

// Bind gives a unit's revisions their sink. A revision that is told another is
// another.
func (d *Directory) Bind(id schema.Identity, n desired.Nouns, c Config) desired.Nouns {
	bindings := d.bound(id, labelsOfRoutes(n))
	for i := range n.Workloads {
		w := &n.Workloads[i]
		own := w.Revision == desired.RevisionName(w.Configuration, w.Template)
		w.Template.Pod = *w.Template.Pod.DeepCopy()
		bind(&w.Template.Pod, bindings, c)
		if own {
			w.Revision = desired.RevisionName(w.Configuration, w.Template)
		}
	}
	return n
}

func labelsOfRoutes(n desired.Nouns) map[string]string {
	if len(n.Routes) == 0 {
		return nil
	}
	return n.Routes[0].Labels
}
