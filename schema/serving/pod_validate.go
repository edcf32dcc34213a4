package serving

func (c *check) pod(t *template) {
	if len(t.spec.Containers) == 0 {
		c.errorf(t.at.spec+".containers", "containers is missing: write a list with one container and its image")
	}
}
