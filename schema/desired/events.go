package desired

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Place is where something stands in its document, for problems that show
// only beside other documents.
type Place struct {
	// Path is the field, as in `spec.channel`.
	Path string
	// Line and Column count from 1; 0 is the document's own.
	Line, Column int
}

// Reference names a spec that has to be there too.
type Reference struct {
	schema.Identity
	Place Place
}

// Bus is where channels keep their events.
type Bus struct {
	contract.Bus
	// ChannelParameters and SubscriptionParameters are what channels and
	// subscriptions may, and where there is no default must, say with arguments.
	ChannelParameters, SubscriptionParameters []Parameter
}

// Parameter is one that a bus, or a template of builds, declares. A nil Default makes it
// required, unless it is Optional.
type Parameter struct {
	Name     string
	Default  *string
	Optional bool `json:",omitempty"`
}

// Argument answers a Parameter.
type Argument struct {
	Name, Value string
	Place       Place
}

// Channel takes events and keeps them for its subscriptions. All of the
// contract's is filled in but Arguments, which need the bus's parameters.
type Channel struct {
	contract.Channel
	// BusAt is where the bus is named.
	BusAt     Place
	Arguments []Argument
	// Delivery is what its subscriptions get where they say nothing.
	Delivery Delivery
}

// Subscription has a channel's events sent somewhere. All of the contract's is
// filled in but Delivery and Arguments, which need the channel and its bus.
type Subscription struct {
	contract.Subscription
	// ChannelRef is the spec that makes the channel.
	ChannelRef Reference
	Arguments  []Argument
	Delivery   Delivery
	// Refs are the specs that events go to.
	Refs []Reference
}

// Delivery is contract.Delivery with what was left out still open, and where
// dead events go.
type Delivery struct {
	// DeadLetter is nil where nothing is said.
	DeadLetter    *contract.Destination `json:",omitempty"`
	Retry         *int32                `json:",omitempty"`
	BackoffPolicy string                `json:",omitempty"`
	BackoffDelay  contract.Duration     `json:",omitempty"`
	BackoffMax    contract.Duration     `json:",omitempty"`
	Timeout       contract.Duration     `json:",omitempty"`
	RetryAfterMax *contract.Duration    `json:",omitempty"`
	Format        string                `json:",omitempty"`
	// Refs are the specs behind DeadLetter.
	Refs []Reference `json:",omitempty"`
}

// Emitter brings events from outside into the cluster: a Deployment of
// `sluice source TYPE`, or of the user's own container.
type Emitter struct {
	contract.Source
	// Sink is the URL that gets the events.
	Sink contract.Destination
	// Refs are the specs behind Sink.
	Refs []Reference
	// Env is what its container is told beside that: secrets by reference.
	Env []corev1.EnvVar
	// SecretAt is where the Secret is named that holds all credentials; zero if no
	// such is.
	SecretAt Place
	// ServiceAccount runs it; empty is the namespace's default.
	ServiceAccount string
	// Replicas share the work; 0 is a source that is paused. Nil is one.
	Replicas *int32 `json:",omitempty"`
	// Pod is the user's own; nil for the platform's image.
	Pod *corev1.PodTemplateSpec
	// Labels of the spec, for the objects made from it.
	Labels map[string]string
}

// Feed asks an event source of 2018 for events of a type.
type Feed struct {
	Namespace, Name string
	// EventType is the EventType's, or ClusterEventType's, name.
	EventType Reference
	// Resource and Service are what is observed.
	Resource, Service string
	// Parameters are given to the source; ParametersFrom are secrets whose
	// values are JSON objects to be merged into them.
	Parameters     json.RawMessage
	ParametersFrom []corev1.SecretKeySelector
	// SecretAt is where the first of these is named.
	SecretAt       Place
	ServiceAccount string
	// Sink gets the events.
	Sink contract.Destination
	Refs []Reference
	// At is where trigger stands.
	At Place
}

// FeedType is an EventType: the word a Feed uses, and who produces it.
type FeedType struct {
	// Namespace is empty for a ClusterEventType.
	Namespace, Name string
	// Source is the name of the EventSource or ClusterEventSource.
	Source Reference
}

// FeedSource is an EventSource: the image that starts and stops feeds.
type FeedSource struct {
	// Namespace is empty for a ClusterEventSource.
	Namespace, Name string
	// Source is the name of the producing system.
	Source     string
	Image      string
	Parameters json.RawMessage
}

// Binding gives K_SINK to the containers of other objects.
type Binding struct {
	Namespace, Name string
	// Subject is one object by name; all of its kind with Labels if it has none.
	Subject Reference
	Labels  map[string]string
	Sink    contract.Destination
	Refs    []Reference
	// Overrides are extensions for every event.
	Overrides map[string]string
}
