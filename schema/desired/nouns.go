package desired

import "github.com/sluice-dev/sluice/schema"

// Source is a spec that says what it wants. Every Spec of schema/catalog is one.
type Source interface {
	schema.Spec
	// Desire lowers the spec. It cannot fail: what could be wrong has been
	// refused when the document was decoded.
	Desire() Nouns
}

// Nouns is what one spec wants there to be.
type Nouns struct {
	Workloads []Workload
	Routes    []Route
	Objects   []Object
}

// Object is a plain Kubernetes manifest that passes through by policy.
type Object struct {
	// APIVersion is as written.
	APIVersion string
	Identity   schema.Identity
	// JSON is the manifest as written, defaulted only in its namespace.
	JSON []byte
}
