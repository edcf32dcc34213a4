package building

import (
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
	"github.com/sluice-dev/sluice/schema/strict"
)

// Template is a BuildTemplate or, without a namespace, a ClusterBuildTemplate.
type Template struct {
	id       schema.Identity
	template desired.TaskTemplate
}

var _ desired.Source = (*Template)(nil)

// Identity names the template.
func (t *Template) Identity() schema.Identity { return t.id }

// Desire gives one TaskTemplate.
func (t *Template) Desire() desired.Nouns {
	return desired.Nouns{Templates: []desired.TaskTemplate{t.template}}
}

func decodeTemplate(doc schema.Document) (schema.Spec, []schema.Problem) {
	var w templateDocument
	if problems := strict.Decode(doc, &w); len(problems) > 0 {
		return nil, problems
	}
	c := &check{doc: doc, at: "spec"}
	t := desired.TaskTemplate{Namespace: doc.Identity.Namespace, Name: doc.Identity.Name, Steps: w.Spec.Steps, Volumes: w.Spec.Volumes}
	if w.Spec.Generation != 0 {
		c.warnf("generation", "is counted by the cluster; here it is not acted on")
	}
	if len(w.Spec.Steps) == 0 {
		c.errorf("steps", "steps are missing: write what the template does")
	}
	c.steps(w.Spec.Steps, c.volumes(w.Spec.Volumes))
	seen := map[string]bool{}
	for i, p := range w.Spec.Parameters {
		at := index("parameters", i)
		if p.Name == "" {
			c.errorf(at+".name", "name is missing: write what stands between ${ and } in the steps")
		} else if seen[p.Name] {
			c.errorf(at+".name", "the parameter %s is declared already: keep one of them", p.Name)
		}
		seen[p.Name] = true
		t.Parameters = append(t.Parameters, desired.Parameter{Name: p.Name, Default: p.Default})
	}
	if schema.HasErrors(c.problems) {
		return nil, c.problems
	}
	return &Template{id: doc.Identity, template: t}, c.problems
}
