package serving

import (
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/strict"
)

// Service is a configuration and a route of one name: what runs, and who gets
// which share of its requests.
type Service struct {
	id          schema.Identity
	labels      map[string]string
	annotations map[string]string
	// manual Services of v1alpha1 leave configuration and route alone.
	manual   bool
	template template
	traffic  []placed
}

// placed is a target with the path it stands at.
type placed struct {
	target
	path string
}

// serviceV1 is a Service of v1 as written.
type serviceV1 struct {
	object `json:",inline"`
	Spec   struct {
		Template revisionTemplate `json:"template"`
		Traffic  []target         `json:"traffic,omitempty"`
	} `json:"spec"`
}

// Identity names the service.
func (s *Service) Identity() schema.Identity { return s.id }

func decodeService(doc schema.Document) (schema.Spec, []schema.Problem) {
	var w serviceV1
	if problems := strict.Decode(doc, &w); len(problems) > 0 {
		return nil, problems
	}
	s := &Service{
		id: doc.Identity, labels: w.Labels, annotations: w.Annotations,
		template: newTemplate(w.Spec.Template, "spec.template"),
		traffic:  place(w.Spec.Traffic, "spec.traffic"),
	}
	c := &check{doc: doc}
	s.setDefaults()
	s.validate(c)
	return c.result(s)
}

// newTemplate brings a template of today's spelling to the common shape.
func newTemplate(t revisionTemplate, path string) template {
	return template{
		name: t.Name, labels: t.Labels, annotations: t.Annotations, spec: t.Spec, meta: t.ObjectMeta,
		at: paths{meta: path + ".metadata", spec: path + ".spec"},
	}
}

func place(traffic []target, path string) []placed {
	var all []placed
	for i, t := range traffic {
		all = append(all, placed{t, index(path, i)})
	}
	return all
}
