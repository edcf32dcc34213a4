package serving

func (c *check) routeAnnotations(annotations map[string]string) {}
func (c *check) templateAnnotations(t *template)                {}
