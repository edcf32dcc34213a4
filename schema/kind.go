package schema

// Spec is one document, decoded, defaulted and validated. What it lowers to
// is said by schema/desired; this room only needs to know whose it is.
type Spec interface {
	// Identity names the spec.
	Identity() Identity
}

// Kind is one kind that the repository may hold: a line in its group's
// Kinds().
type Kind struct {
	// APIVersion and Kind are as written in documents.
	APIVersion, Kind string
	// ClusterScoped kinds have no namespace.
	ClusterScoped bool
	// Label kinds have names that are DNS-1035 labels (they become host
	// names); the names of others are DNS-1123 subdomains.
	Label bool
	// Foreign kinds are Kubernetes' own, or somebody else's: their groups hold
	// more kinds than any table of ours lists.
	Foreign bool
	// Decode reads a document strictly. A Spec is returned only if no problem
	// is an Error; warnings may stand beside it.
	Decode func(Document) (Spec, []Problem)
}
