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
	Domains   []Domain `json:",omitempty"`
	// Tasks are builds, Templates what they may be made from.
	Tasks     []Task
	Templates []TaskTemplate

	Buses         []Bus
	Channels      []Channel
	Subscriptions []Subscription
	Emitters      []Emitter
	Feeds         []Feed
	FeedTypes     []FeedType
	FeedSources   []FeedSource
	Bindings      []Binding
}

// Events reports whether any of the nouns is of events.
func (n Nouns) Events() bool {
	return len(n.Buses)+len(n.Channels)+len(n.Subscriptions)+len(n.Emitters)+len(n.Feeds)+len(n.FeedTypes)+len(n.FeedSources)+len(n.Bindings) > 0
}

// Object is a plain Kubernetes manifest that passes through by policy.
type Object struct {
	// APIVersion is as written.
	APIVersion string
	Identity   schema.Identity
	// JSON is the manifest as written, defaulted only in its namespace.
	JSON []byte
}
