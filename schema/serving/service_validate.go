package serving

// validate checks the service as Knative's admission does.
func (s *Service) validate(c *check) {
	c.routeMetadata(s.labels, s.annotations, s.template.at.annotations())
	if s.manual {
		return
	}
	c.template(s.id.Name, &s.template)
	for _, t := range s.traffic {
		if t.ConfigurationName != "" {
			c.errorf(t.path+".configurationName", "a Service routes to its own revisions only: leave it out, or write a Route")
		}
	}
	c.traffic(s.id.Name, s.traffic, s.id.Name)
}
