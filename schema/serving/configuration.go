package serving

import (
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/strict"
)

// Configuration is what runs, without saying who gets its requests.
type Configuration struct {
	id          schema.Identity
	labels      map[string]string
	annotations map[string]string
	template    template
}

// configurationV1 is a Configuration of v1 as written.
type configurationV1 struct {
	object `json:",inline"`
	Spec   struct {
		Template revisionTemplate `json:"template"`
	} `json:"spec"`
}

// Identity names the configuration.
func (s *Configuration) Identity() schema.Identity { return s.id }

func decodeConfiguration(doc schema.Document) (schema.Spec, []schema.Problem) {
	var w configurationV1
	if problems := strict.Decode(doc, &w); len(problems) > 0 {
		return nil, problems
	}
	s := &Configuration{id: doc.Identity, labels: w.Labels, annotations: w.Annotations, template: newTemplate(w.Spec.Template, "spec.template")}
	c := &check{doc: doc}
	s.validate(c)
	return c.result(s)
}

// validate checks the configuration as Knative's admission does.
func (s *Configuration) validate(c *check) {
	c.labels("metadata.labels", s.labels)
	c.ownMetadata(s.annotations, s.template.at.annotations())
	c.ofItsRoute(s.annotations)
	c.template(s.id.Name, &s.template)
}
