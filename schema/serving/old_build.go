package serving

import (
	"encoding/json"

	"github.com/sluice-dev/sluice/schema/building"
	"github.com/sluice-dev/sluice/schema/desired"
)

// inlineBuild reads the build of a configuration, whose image it makes.
func (c *check) inlineBuild(raw json.RawMessage, path string, t *template) *desired.Task {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	image := ""
	if n := len(t.spec.Containers); n > 0 {
		image = t.spec.Containers[serving(t.spec.Containers)].Image
	}
	task, problems := building.Inline(c.doc, path, raw, image)
	c.problems = append(c.problems, problems...)
	return task
}

// buildNames are the builds that a revision waits for by name.
func (c *check) buildNames(at string, w oldRevisionSpec) []string {
	var names []string
	if w.BuildName != "" {
		names = append(names, w.BuildName)
	}
	ref := w.BuildRef
	if ref == nil {
		return names
	}
	switch {
	case ref.Kind != "Build" || ref.APIVersion != building.V1Alpha1:
		c.errorf(at+".buildRef", "want apiVersion: %s and kind Build", building.V1Alpha1)
	case ref.Namespace != "" && ref.Namespace != c.doc.Identity.Namespace:
		c.errorf(at+".buildRef.namespace", "a build is in the namespace of what it is for: leave the namespace out")
	case ref.Name == "":
		c.errorf(at+".buildRef.name", "name is missing: write the build to wait for")
	case ref.Name != w.BuildName:
		names = append(names, ref.Name)
	}
	return names
}
