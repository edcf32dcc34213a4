package desired

// Route says which revisions answer for a name, and how much each.
type Route struct {
	Namespace, Name string
	// Service is the Service that owns the route; empty for a free-standing one.
	Service string
	// Labels and Annotations of the route, for the objects made from it.
	Labels      map[string]string
	Annotations map[string]string
	// ClusterLocal routes have no host outside the cluster.
	ClusterLocal bool
	// Redirect sends requests from outside over http to https.
	Redirect bool `json:",omitempty"`
	// Rollout says how shares that follow a configuration move.
	Rollout Rollout `json:",omitzero"`
	// Targets in the order written. Percents sum to 100.
	Targets []Target
}

// Target is one share of a route's traffic. Exactly one of Configuration,
// Revision and GitRef is set.
type Target struct {
	// Configuration: its latest ready revision, followed as it changes.
	Configuration string
	// Revision by full name, or by ordinal as in `hello-00001`.
	Revision string
	// GitRef: the revision that a tag, branch or commit describes.
	GitRef string
	// Percent of the route's requests, 0 to 100.
	Percent int64
	// Tag gives the target a host of its own; empty is none.
	Tag string
	// Path is where the target stands in its document, for problems.
	Path string
}
