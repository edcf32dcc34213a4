package serving

import "github.com/sluice-dev/sluice/schema/desired"

var _ desired.Source = (*Configuration)(nil)

// Desire gives one Workload.
func (s *Configuration) Desire() desired.Nouns {
	return desired.Nouns{Workloads: []desired.Workload{s.template.workload(s.id, "")}, Tasks: s.template.tasks()}
}
