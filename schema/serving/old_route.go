package serving

import (
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/strict"
)

func decodeOldRoute(doc schema.Document) (schema.Spec, []schema.Problem) {
	var w routeOld
	if problems := strict.Decode(doc, &w); len(problems) > 0 {
		return nil, problems
	}
	c := &check{doc: doc}
	c.generation("spec", w.Spec.Generation)
	r := &Route{id: doc.Identity, labels: w.Labels, annotations: w.Annotations, traffic: c.oldTraffic(w.Spec.Traffic)}
	r.validate(c)
	return c.result(r)
}

// oldTraffic brings targets to today's spelling, in which a name is a tag.
func (c *check) oldTraffic(traffic []oldTarget) []placed {
	var all []placed
	for i, w := range traffic {
		t, at := w.target, index("spec.traffic", i)
		if w.Name != "" {
			if t.Tag != "" && t.Tag != w.Name {
				c.errorf(at+".name", "is the old name of tag, which is %q: keep one of them", t.Tag)
			}
			t.Tag = w.Name
		}
		all = append(all, placed{t, at})
	}
	return all
}
