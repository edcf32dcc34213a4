package serving

// setDefaults routes everything to the latest ready revision where no traffic
// is written.
func (s *Service) setDefaults() {
	if !s.manual && len(s.traffic) == 0 {
		s.traffic = []placed{{latest(100), "spec.traffic"}}
	}
}

// latest is the target that follows the latest ready revision.
func latest(percent int64) target {
	yes := true
	return target{LatestRevision: &yes, Percent: &percent}
}
