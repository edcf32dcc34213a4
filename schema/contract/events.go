package contract

import (
	"fmt"
	"time"
)

// Events travel from the engine to the dispatcher as ConfigMaps, for there are
// no CRDs of ours. The engine renders one per Bus, Channel and Subscription,
// each in its own namespace (a ClusterBus in Namespace); the dispatcher watches
// all ConfigMaps with LabelEvents. KeyEvents holds the JSON of a [Bus], a
// [Channel] or a [Subscription], with every default filled in: the dispatcher
// knows no kinds, no templates and no defaults of users' specs.
//
// Beside the ConfigMaps the engine renders, for each Channel, a Service of type
// ExternalName named [ChannelService] that points at ChannelsHost, and a
// VirtualService of the same name with the Channel's Hosts, which sends to the
// activator with HeaderNamespace = Namespace and HeaderRevision = Channels: the
// dispatcher's pods are a revision like any other, so that events are held
// while it starts.
const (
	// LabelEvents says what a ConfigMap carries: one of the values below.
	LabelEvents = "sluice.dev/events"
	// KeyEvents is the ConfigMap's only key; its value is JSON.
	KeyEvents = "spec.json"

	EventsBus          = "bus"
	EventsChannel      = "channel"
	EventsSubscription = "subscription"
)

// BusObject, ChannelObject and SubscriptionObject are the names of the
// ConfigMaps. No object of a user's has a name that ends so by chance.
func BusObject(name string) string          { return name + ".bus.sluice" }
func ChannelObject(name string) string      { return name + ".channel.sluice" }
func SubscriptionObject(name string) string { return name + ".subscription.sluice" }

// The dispatcher's place: `sluice channels`.
const (
	// Channels is the name of its Deployment, Service, ServiceAccount and
	// revision.
	Channels = "channels"
	// ChannelsHost is what a Channel's Service points at.
	ChannelsHost = Channels + "." + Namespace + ".svc.cluster.local"
	// ChannelsPort is the Service's port.
	ChannelsPort = 80
	// ChannelsListen is the port its pods take events on.
	ChannelsListen = 8080
	// ClusterDomain is the domain of names that only the cluster resolves.
	ClusterDomain = "cluster.local"
	// BrokerIngressHost is the host by which users of Knative reach every
	// Broker, with the path that [BrokerPath] gives.
	BrokerIngressHost = "broker-ingress.knative-eventing.svc." + ClusterDomain
)

// ChannelService is the name of a Channel's Service and VirtualService, as in 2018.
func ChannelService(name string) string { return name + "-channel" }

// ChannelHost is the first of a Channel's hosts, which its status shows.
func ChannelHost(namespace, name string) string {
	return ChannelService(name) + "." + namespace + ".svc." + ClusterDomain
}

// ChannelURL is where events for a Channel are posted to.
func ChannelURL(namespace, name string) string { return "http://" + ChannelHost(namespace, name) + "/" }

// ChannelHosts are all the hosts of a Channel: those of its Service, long and
// short, and 2018's.
func ChannelHosts(namespace, name string) []string {
	s := ChannelService(name) + "." + namespace
	return []string{ChannelHost(namespace, name), s + ".svc", s, name + "." + namespace + ".channels." + ClusterDomain}
}

// KnativeChannelHost is the host that Knative's own implementation gives an
// InMemoryChannel: one more for Channel.Hosts.
func KnativeChannelHost(namespace, name string) string {
	return name + "-kn-channel." + namespace + ".svc." + ClusterDomain
}

// BrokerChannel is the name of the Channel that a Broker lowers to. It differs
// from any Channel's that the user is likely to have beside it.
func BrokerChannel(broker string) string { return broker + "-broker" }

// BrokerPath is a Broker's path at BrokerIngressHost: one for Channel.Paths.
func BrokerPath(namespace, broker string) string { return "/" + namespace + "/" + broker }

// Ref names a Bus, Channel or Subscription.
type Ref struct {
	// Namespace is "" for a ClusterBus alone.
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String is namespace/name, as every message and metric spells it.
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Name
	}
	return r.Namespace + "/" + r.Name
}

// The drivers. A Bus of 2018 that is named after one, or whose dispatcher image
// is one of theirs, lowers to it.
const (
	DriverMemory    = "memory" // 2018's stub: forgets when the process ends
	DriverJetStream = "jetstream"
	DriverNATS      = "nats"
	DriverKafka     = "kafka"
	DriverPubSub    = "gcppubsub"
	DriverRabbitMQ  = "rabbitmq"
)

// DefaultBus is the Bus of a Channel that names none: embedded JetStream. It
// needs no ConfigMap.
const DefaultBus = DriverJetStream

// Bus is where Channels keep their events.
type Bus struct {
	Ref
	// Driver is one of the constants above.
	Driver string `json:"driver"`
	// Parameters are the driver's settings (brokers, url, project, ...): each
	// driver's folder lists its own.
	Parameters map[string]string `json:"parameters,omitempty"`
	// Secrets are parameters whose value stands in a Secret, by parameter name.
	Secrets map[string]SecretKey `json:"secrets,omitempty"`
}

// SecretKey is one key of a Secret.
type SecretKey struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Key       string `json:"key"`
}

// Channel takes events by HTTP and keeps them until every Subscription has
// had them.
type Channel struct {
	Ref
	// Bus is where its events are kept. A zero Ref is DefaultBus.
	Bus Ref `json:"bus,omitzero"`
	// Dispatcher is the revision that has the Channel: [DispatcherOf] its Bus.
	// Default Channels.
	Dispatcher string `json:"dispatcher,omitempty"`
	// Arguments are the driver's settings of this Channel, complete (2018's
	// NumPartitions, ...).
	Arguments map[string]string `json:"arguments,omitempty"`
	// Hosts choose this Channel by a request's Host, in lower case, without port.
	Hosts []string `json:"hosts"`
	// Paths choose it at BrokerIngressHost.
	Paths []string `json:"paths,omitempty"`
	// MaxBytes is the largest event taken; 0 is DefaultMaxEventBytes.
	MaxBytes int64 `json:"maxBytes,omitempty"`
	// Retention is how long the bus keeps events for replay, after all
	// Subscriptions had them; 0 is the driver's default.
	Retention Duration `json:"retention,omitempty"`
}

// DefaultMaxEventBytes bounds an event where a Channel does not: Kafka's and
// NATS' default of 1 MiB.
const DefaultMaxEventBytes = 1 << 20

// Subscription delivers a Channel's events to one subscriber. Its place in the
// Channel is kept under its name: one that is edited, moved to another file, or
// deleted and made again within the grace, goes on where it was.
type Subscription struct {
	// Ref is unique over all kinds that lower to Subscriptions.
	Ref
	// Channel is where the events come from.
	Channel Ref `json:"channel"`
	// Subscriber gets the events. Nil: the event itself goes to Reply.
	Subscriber *Destination `json:"subscriber,omitempty"`
	// Reply gets the events that the subscriber answers with. Nil: they are
	// dropped.
	Reply *Destination `json:"reply,omitempty"`
	// DeadLetter gets what could not be delivered. Nil, or itself failing: the
	// Subscription keeps dead events, for `sluice events dead` and redrive.
	DeadLetter *Destination `json:"deadLetter,omitempty"`
	// Delivery says how hard to try.
	Delivery Delivery `json:"delivery,omitzero"`
	// Filter chooses events. Nil: all.
	Filter *Filter `json:"filter,omitempty"`
	// Transform changes the event before it is sent. Nil: as it is.
	Transform *Transform `json:"transform,omitempty"`
	// Extensions are set on every event sent (Knative's ceOverrides).
	Extensions map[string]string `json:"extensions,omitempty"`
	// Order is the attribute (partitionkey, subject, an extension, ...) whose
	// equal values are delivered one after the other, a failing one holding up
	// those behind it. "": no order.
	Order string `json:"order,omitempty"`
	// Concurrency is how many deliveries are under way at once; 0 is
	// DefaultConcurrency.
	Concurrency int `json:"concurrency,omitempty"`
	// Rate is how many deliveries are begun a second; 0 is no limit.
	Rate float64 `json:"rate,omitempty"`
	// Dedupe is for how long an event with the (source, id) of one that was
	// delivered is left out; 0 is never.
	Dedupe Duration `json:"dedupe,omitempty"`
	// From is where a new Subscription begins: FromNewest (default), FromOldest,
	// or an RFC 3339 time. It is read once: a Subscription that has a place
	// keeps it.
	From string `json:"from,omitempty"`
	// Replay moves the place, once for each new Token. Nil: never.
	Replay *Replay `json:"replay,omitempty"`
	// Arguments are the driver's settings of this Subscription, complete
	// (2018's initialOffset lowers to From).
	Arguments map[string]string `json:"arguments,omitempty"`
}

// Where a new Subscription begins.
const (
	FromNewest = "newest"
	FromOldest = "oldest"
)

// DefaultConcurrency is how many deliveries a Subscription has under way where
// its spec says nothing.
const DefaultConcurrency = 64

// Destination is where an event is sent: a URL, or a Channel (which costs no
// HTTP).
type Destination struct {
	// URL is absolute, http or https.
	URL string `json:"url,omitempty"`
	// Channel is used where URL is "".
	Channel *Ref `json:"channel,omitempty"`
	// CACerts is PEM that the server's certificate has to be signed by, beside
	// the system's.
	CACerts string `json:"caCerts,omitempty"`
}

// Delivery says how hard a Subscription tries. The lowering fills in all
// fields; the zero value is one attempt without a limit of time but
// DefaultTimeout.
type Delivery struct {
	// Retry is how many attempts follow the first; RetryForever is without end.
	Retry int `json:"retry,omitempty"`
	// BackoffPolicy is BackoffExponential (default) or BackoffLinear.
	BackoffPolicy string `json:"backoffPolicy,omitempty"`
	// BackoffDelay is the unit: the wait after attempt n is delay*n or
	// delay*2^(n-1), less a
	// random part of up to a half. 0 is no wait.
	BackoffDelay Duration `json:"backoffDelay,omitempty"`
	// BackoffMax caps that; 0 is DefaultBackoffMax.
	BackoffMax Duration `json:"backoffMax,omitempty"`
	// Timeout bounds one attempt; 0 is DefaultTimeout.
	Timeout Duration `json:"timeout,omitempty"`
	// RetryAfterMax caps what a subscriber asks for by Retry-After. Nil is
	// DefaultRetryAfterMax; 0 ignores the header.
	RetryAfterMax *Duration `json:"retryAfterMax,omitempty"`
	// Format is how events are sent: "binary" (default) or "json".
	Format string `json:"format,omitempty"`
}

// Values and defaults of Delivery.
const (
	BackoffLinear      = "linear"
	BackoffExponential = "exponential"

	FormatBinary = "binary"
	FormatJSON   = "json"

	// RetryForever is a Delivery.Retry that nobody can write: a source's, which
	// has nowhere to put an event that it gives up.
	RetryForever = -1
	// DefaultRetry and DefaultBackoffDelay are Knative's of a Broker.
	DefaultRetry        = 10
	DefaultBackoffDelay = Duration(200 * time.Millisecond)
	DefaultBackoffMax   = Duration(5 * time.Minute)
	// DefaultTimeout is the default of a Service's own timeoutSeconds.
	DefaultTimeout       = Duration(5 * time.Minute)
	DefaultRetryAfterMax = Duration(5 * time.Minute)
)

// Filter chooses events. Where several fields are set all have to hold; a zero
// Filter passes everything. CESQL and CEL are checked when they are lowered
// (schema/expression); one that cannot be evaluated on an event fails it.
type Filter struct {
	// Exact, Prefix and Suffix compare attributes by name, case-sensitively; all
	// entries have to hold, and an attribute that is missing does not. An empty
	// value of Exact asks only that the attribute is there.
	Exact  map[string]string `json:"exact,omitempty"`
	Prefix map[string]string `json:"prefix,omitempty"`
	Suffix map[string]string `json:"suffix,omitempty"`
	All    []Filter          `json:"all,omitempty"`
	Any    []Filter          `json:"any,omitempty"`
	Not    *Filter           `json:"not,omitempty"`
	// CESQL is a CloudEvents SQL expression over attributes.
	CESQL string `json:"cesql,omitempty"`
	// CEL is an expression over the event and its payload: `event` is the map of
	// attributes, `data` the decoded JSON (or text, or bytes).
	CEL string `json:"cel,omitempty"`
}

// Transform changes an event on its way to the subscriber. All expressions are
// CEL with the variables of Filter.CEL.
type Transform struct {
	// Attributes sets attributes, by name, to what an expression gives (text,
	// number, bool); null removes one.
	Attributes map[string]string `json:"attributes,omitempty"`
	// Data is an expression whose value becomes the payload, as JSON unless it is
	// text or bytes. "" leaves the payload alone.
	Data string `json:"data,omitempty"`
}

// Replay sends a Subscription events again that it had. Exactly one of Since and
// Position is set.
type Replay struct {
	// Token is any text; the place is moved when it differs from the last one
	// that was obeyed, so that a replay happens once.
	Token string `json:"token"`
	// Since is an RFC 3339 time: the first event accepted at or after it.
	Since string `json:"since,omitempty"`
	// Position is a place as `sluice events tail` shows it.
	Position string `json:"position,omitempty"`
}

// Duration is a time.Duration that JSON spells as Go does ("1m30s").
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("duration %q: write it as 1m30s", b)
	}
	*d = Duration(v)
	return nil
}
