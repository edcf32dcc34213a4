package serving

import (
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/strict"
)

// Route is traffic without a Service: to revisions of any configuration of
// its namespace.
type Route struct {
	id          schema.Identity
	labels      map[string]string
	annotations map[string]string
	traffic     []placed
}

// routeV1 is a Route of v1 as written.
type routeV1 struct {
	object `json:",inline"`
	Spec   struct {
		Traffic []target `json:"traffic,omitempty"`
	} `json:"spec"`
}

// Identity names the route.
func (r *Route) Identity() schema.Identity { return r.id }

func decodeRoute(doc schema.Document) (schema.Spec, []schema.Problem) {
	var w routeV1
	if problems := strict.Decode(doc, &w); len(problems) > 0 {
		return nil, problems
	}
	r := &Route{id: doc.Identity, labels: w.Labels, annotations: w.Annotations, traffic: place(w.Spec.Traffic, "spec.traffic")}
	c := &check{doc: doc}
	r.validate(c)
	return c.result(r)
}
