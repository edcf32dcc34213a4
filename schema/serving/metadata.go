package serving

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/sluice-dev/sluice/schema/contract"
)

// ownMetadata refuses, on a Service, Configuration or Route itself, what is a
// revision's; where says the place it belongs to.
func (c *check) ownMetadata(annotations map[string]string, where string) {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if !contract.OfRoute(key) {
			c.reserved("metadata.annotations", key)
		}
		if strings.HasPrefix(key, autoscaling) {
			c.errorf("metadata.annotations["+key+"]", "autoscaling is a revision's: move it to %s", where)
		}
	}
}

// labels checks that labels are fit for the pods they are copied to.
func (c *check) labels(path string, labels map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		c.reserved(path, key)
		if errs := validation.IsQualifiedName(key); len(errs) > 0 {
			c.errorf(path+"["+key+"]", "%q is no label key: an optional DNS prefix and a slash, then at most 63 letters, digits, dashes, dots and underscores", key)
		}
		if errs := validation.IsValidLabelValue(labels[key]); len(errs) > 0 {
			c.errorf(path+"["+key+"]", "a label's value has at most 63 letters, digits, dashes, dots and underscores, and begins and ends with a letter or digit")
		}
	}
}

// reserved refuses a label or annotation that the platform writes itself.
func (c *check) reserved(path, key string) {
	if contract.Reserved(key) {
		c.errorf(path+"["+key+"]", "is written by the platform: leave it out")
	}
}

// routeMetadata checks the labels and annotations that say how a route is
// reached; where is the place of what a revision is told.
func (c *check) routeMetadata(labels, annotations map[string]string, where string) {
	c.labels("metadata.labels", labels)
	if v, ok := labels[contract.LabelVisibility]; ok && v != contract.VisibilityClusterLocal {
		c.errorf("metadata.labels["+contract.LabelVisibility+"]", "want %s, or no such label at all, got %q", contract.VisibilityClusterLocal, v)
	}
	c.ownMetadata(annotations, where)
	c.routeAnnotations(annotations)
}
