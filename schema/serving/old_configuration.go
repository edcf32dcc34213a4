package serving

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/strict"
)

func decodeOldConfiguration(doc schema.Document) (schema.Spec, []schema.Problem) {
	var w configurationOld
	if problems := strict.Decode(doc, &w); len(problems) > 0 {
		return nil, problems
	}
	c := &check{doc: doc}
	s := &Configuration{id: doc.Identity, labels: w.Labels, annotations: w.Annotations}
	s.template = c.oldConfiguration(w.Spec, "spec")
	s.template.build = c.inlineBuild(w.Spec.Build, "spec.build", &s.template)
	s.validate(c)
	return c.result(s)
}

// oldConfiguration brings a configuration of either spelling to its template.
func (c *check) oldConfiguration(w oldConfigurationSpec, path string) template {
	c.generation(path, w.Generation)
	switch {
	case w.RevisionTemplate != nil && w.Template != nil:
		c.errorf(path+".template", "is today's name of revisionTemplate: keep one of them")
	case w.Template != nil:
		return c.oldTemplate(*w.Template, path+".template")
	case w.RevisionTemplate == nil:
		return template{at: paths{meta: path + ".revisionTemplate.metadata", spec: path + ".revisionTemplate.spec"}}
	}
	return c.oldTemplate(*w.RevisionTemplate, path+".revisionTemplate")
}

// oldTemplate brings a template of 2018's spelling to the common shape.
func (c *check) oldTemplate(w oldTemplate, path string) template {
	t := template{
		name: w.Name, labels: w.Labels, annotations: w.Annotations, spec: w.Spec.revisionSpec, meta: w.ObjectMeta,
		at: paths{meta: path + ".metadata", spec: path + ".spec"},
	}
	at := path + ".spec"
	c.generation(at, w.Spec.Generation)
	if k := w.Spec.Container; k != nil {
		if len(t.spec.Containers) > 0 {
			c.errorf(at+".containers", "is today's name of container: keep one of them")
		}
		t.spec.Containers = []corev1.Container{*k}
		t.at.container = at + ".container"
	}
	c.concurrencyModel(at, w.Spec.ConcurrencyModel, &t)
	if s := w.Spec.ServingState; s != "" {
		if s != "Active" && s != "Reserve" && s != "Retired" {
			c.errorf(at+".servingState", "want Active, Reserve or Retired, got %q", short(s))
		}
		c.warnf(at+".servingState", "is accepted but not acted on: what is routed runs, what is not does not")
	}
	t.builds = c.buildNames(at, w.Spec)
	return t
}

// concurrencyModel reads the two models as the numbers that replaced them.
func (c *check) concurrencyModel(at, model string, t *template) {
	var limit int64
	switch model {
	case "":
		return
	case "Single":
		limit = 1
	case "Multi":
	default:
		c.errorf(at+".concurrencyModel", "want Single or Multi, got %q; today one writes containerConcurrency", short(model))
		return
	}
	if n := t.spec.ContainerConcurrency; n != nil && *n != limit && (model == "Single" || *n == 1) {
		c.errorf(at+".concurrencyModel", "%s means containerConcurrency: %d, but containerConcurrency is %d: keep one of them", model, limit, *n)
		return
	}
	if t.spec.ContainerConcurrency == nil {
		t.spec.ContainerConcurrency = &limit
	}
}
