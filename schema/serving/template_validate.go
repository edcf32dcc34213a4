package serving

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// The most that Knative allows by default.
const (
	maxConcurrency    = 1000
	maxTimeoutSeconds = 600
)

// template checks a template as it was written, then, if it is sound, makes
// its defaults explicit.
func (c *check) template(owner string, t *template) {
	before := len(c.problems)
	c.ownName(owner, t)
	c.labels(t.at.meta+".labels", t.labels)
	c.templateAnnotations(t)
	c.limits(t)
	c.pod(t)
	for _, p := range c.problems[before:] {
		if p.Severity == 0 {
			return
		}
	}
	t.setDefaults()
}

// ownName checks the name that a user brought for the revision.
func (c *check) ownName(owner string, t *template) {
	path := t.at.meta + ".name"
	switch {
	case t.name == "":
	case !hasOwner(t.name, owner):
		c.errorf(path, "a revision's own name begins with the name of what it belongs to: write %s-%s", owner, strings.TrimPrefix(t.name, owner))
	case len(validation.IsDNS1035Label(t.name)) > 0:
		c.errorf(path, "%q is no DNS-1035 label: use lower-case letters, digits and dashes, begin with a letter, at most 63 characters", t.name)
	}
}

// limits checks how requests reach the revision.
func (c *check) limits(t *template) {
	s, at := t.spec, t.at.spec
	c.between(at+".containerConcurrency", s.ContainerConcurrency, 0, maxConcurrency)
	c.between(at+".timeoutSeconds", s.TimeoutSeconds, 0, maxTimeoutSeconds)
	timeout := int64(defaultTimeoutSeconds)
	if value(s.TimeoutSeconds) > 0 {
		timeout = min(*s.TimeoutSeconds, maxTimeoutSeconds)
	}
	for _, part := range []struct {
		field string
		n     *int64
	}{{"responseStartTimeoutSeconds", s.ResponseStartTimeoutSeconds}, {"idleTimeoutSeconds", s.IdleTimeoutSeconds}} {
		if part.n != nil && (*part.n < 0 || *part.n > timeout) {
			c.errorf(at+"."+part.field, "want 0 to %d (timeoutSeconds, of which it is a part), got %d", timeout, *part.n)
		}
	}
}
