package render

import "fmt"

// Config is what an installation decides.
type Config struct {
	// Domain is the suffix of external hosts: `{name}.{namespace}.{Domain}`.
	// Default `localhost`.
	Domain string
	// ApplySet is the id in every object's part-of label.
	ApplySet string
	// Image is the platform's own, which sources run. Default `sluice`.
	Image string
	// Gateway, as HOST:PORT, takes requests for hosts below cluster.local where
	// those names are not resolved. Default: they are.
	Gateway string
}

// Host is the external host of a route, or of one of its tags.
func (c Config) Host(namespace, name, tag string) string {
	return fmt.Sprintf("%s.%s.%s", tagged(name, tag), namespace, c.Domain)
}

// LocalHosts are the names under which a route, or one of its tags, is known
// inside the cluster, the longest first.
func LocalHosts(namespace, name, tag string) []string {
	short := tagged(name, tag) + "." + namespace
	return []string{short + ".svc.cluster.local", short + ".svc", short}
}

// tagged is Knative's `tag-template`: `{tag}-{name}`.
func tagged(name, tag string) string {
	if tag == "" {
		return name
	}
	return tag + "-" + name
}
