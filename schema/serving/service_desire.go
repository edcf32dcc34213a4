package serving

import (
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

var _ desired.Source = (*Service)(nil)

// Desire gives one Workload and one Route; nothing for a manual service.
func (s *Service) Desire() desired.Nouns {
	if s.manual {
		return desired.Nouns{}
	}
	return desired.Nouns{
		Workloads: []desired.Workload{s.template.workload(s.id, s.id.Name)},
		Routes:    []desired.Route{s.route()},
		Tasks:     s.template.tasks(),
	}
}

func (s *Service) route() desired.Route {
	return desired.Route{
		Namespace: s.id.Namespace, Name: s.id.Name, Service: s.id.Name,
		Labels: some(s.labels), Annotations: some(s.annotations),
		Rollout:      rollout(s.annotations),
		Redirect:     redirects(s.annotations),
		ClusterLocal: s.labels[contract.LabelVisibility] == contract.VisibilityClusterLocal,
		Targets:      targets(s.traffic, s.id.Name),
	}
}

// targets lowers traffic; what names neither revision, ref nor configuration
// follows the given one.
func targets(traffic []placed, configuration string) []desired.Target {
	var all []desired.Target
	for _, t := range traffic {
		d := desired.Target{Revision: t.RevisionName, GitRef: t.GitRef, Configuration: t.ConfigurationName, Percent: t.percent(), Tag: t.Tag, Path: t.path}
		if d.Revision == "" && d.GitRef == "" && d.Configuration == "" {
			d.Configuration = configuration
		}
		all = append(all, d)
	}
	return all
}
