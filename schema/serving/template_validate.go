package serving

import (
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
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
	c.otherMeta(t)
	c.labels(t.at.meta+".labels", t.labels)
	c.templateAnnotations(t)
	c.limits(t)
	c.pod(t)
	if schema.HasErrors(c.problems[before:]) {
		return
	}
	t.setDefaults()
	t.revision = t.name
	if t.revision == "" {
		t.revision = desired.RevisionName(owner, t.desired())
	}
}

// otherMeta warns of what a template's metadata holds beside name, labels and
// annotations.
func (c *check) otherMeta(t *template) {
	v := reflect.ValueOf(t.meta)
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if v.Field(i).IsZero() || name == "name" || name == "labels" || name == "annotations" {
			continue
		}
		c.warnf(t.at.meta+"."+name, "is not acted on in a template: a revision has its name, labels and annotations from it")
	}
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
	c.balancing(at+".loadBalancingPolicy", s.LoadBalancingPolicy)
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

// balancing accepts Knative's policies; there is one here.
func (c *check) balancing(path, policy string) {
	switch policy {
	case "":
	case "random-choice-2", "round-robin", "least-connections", "first-available":
		c.warnf(path, "is accepted but not acted on: a request goes to the pod with the fewest in flight")
	default:
		c.errorf(path, "want random-choice-2, round-robin, least-connections or first-available, got %q", short(policy))
	}
}
