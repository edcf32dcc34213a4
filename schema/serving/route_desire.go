package serving

import (
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

var _ desired.Source = (*Route)(nil)

// Desire gives one Route.
func (r *Route) Desire() desired.Nouns {
	return desired.Nouns{Routes: []desired.Route{{
		Namespace: r.id.Namespace, Name: r.id.Name,
		Labels: some(r.labels), Annotations: some(r.annotations),
		Rollout:      rollout(r.annotations),
		Redirect:     redirects(r.annotations),
		ClusterLocal: r.labels[contract.LabelVisibility] == contract.VisibilityClusterLocal,
		Targets:      targets(r.traffic, ""),
	}}}
}
