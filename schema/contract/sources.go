package contract

// A source is a Deployment that brings events into the cluster. The engine
// renders it for the specs that ask for one. What it runs is `sluice source
// TYPE`, told everything by its environment: EnvSource holds the JSON of a
// [Source], EnvSink where events go, and each secret stands in a variable of
// its own, as the docstrings below say. A container of the user's own gets
// EnvSink and EnvOverrides alone.
const (
	// EnvSink is the URL that takes the events.
	EnvSink = "K_SINK"
	// EnvOverrides is Knative's ceOverrides: `{"extensions":{"name":"value"}}`.
	EnvOverrides = "K_CE_OVERRIDES"
	// EnvCACerts is PEM that the sink's certificate has to be signed by.
	EnvCACerts = "K_CA_CERTS"
	// EnvSource is the JSON of a Source.
	EnvSource = "SLUICE_SOURCE"
	// EnvMemory is the name of the ConfigMap, in the source's namespace, in which a
	// source remembers how far it was.
	EnvMemory = "SLUICE_MEMORY"
	// EnvGateway, as HOST:PORT, takes requests for all hosts below ClusterDomain
	// where names are not resolved by DNS, as on one machine. Without it they
	// are resolved.
	EnvGateway = "SLUICE_GATEWAY"

	// SourceListen is the port on which a source that is called from outside,
	// as github, takes requests. Its pods are a revision named after it.
	SourceListen = 8080
	// SourceSuffix ends the name of a source's Deployment, and of its host if it
	// has one: `{name}-source`.
	SourceSuffix = "-source"

	// LabelSource is the source's name, on its Deployment and Pods.
	LabelSource = "sluice.dev/source-name"
)

// Types of sources: the argument of `sluice source`.
const (
	SourcePing       = "ping"
	SourceKubernetes = "kubernetes"
	SourceKafka      = "kafka"
	SourceGitHub     = "github"
	SourcePubSub     = "pubsub"
	// SourceContainer is the user's own image: no role of ours runs it.
	SourceContainer = "container"
)

// Source is what `sluice source` is told. Exactly one of the pointers is set,
// the one of its Type.
type Source struct {
	Ref
	// Kind is what it was written as, as `PingSource` or `Feed`.
	Kind string `json:"kind"`
	// Type is one of the constants above.
	Type string `json:"type"`
	// Extensions are set on every event (ceOverrides).
	Extensions map[string]string `json:"extensions,omitempty"`
	// Delivery says how hard to try. Nil: without end, as RetryForever does.
	Delivery *Delivery `json:"delivery,omitempty"`
	// DeadLetter gets what the sink does not take: an event that it refuses, or
	// that was tried as often as Delivery says. Nil: it is logged and passed over.
	DeadLetter *Destination `json:"deadLetter,omitempty"`

	Ping       *PingSource       `json:"ping,omitempty"`
	Kubernetes *KubernetesSource `json:"kubernetes,omitempty"`
	Kafka      *KafkaSource      `json:"kafka,omitempty"`
	GitHub     *GitHubSource     `json:"github,omitempty"`
	PubSub     *PubSubSource     `json:"pubsub,omitempty"`
}

// PingSource sends an event at the times of a schedule.
type PingSource struct {
	// Schedule is a cron line of five fields, or six with seconds first.
	Schedule string `json:"schedule"`
	// TimeZone is an IANA name; "" is UTC.
	TimeZone string `json:"timeZone,omitempty"`
	// ContentType of the data; "" is none.
	ContentType string `json:"contentType,omitempty"`
	// Data is the payload.
	Data []byte `json:"data,omitempty"`
	// Missed says what becomes of ticks while the source was not running:
	// MissedSkip (default), MissedOne (one event for all of them) or MissedAll.
	Missed string `json:"missed,omitempty"`
}

// Policies of PingSource.Missed.
const (
	MissedSkip = "skip"
	MissedOne  = "one"
	MissedAll  = "all"
)

// KubernetesSource sends what happens to objects of the cluster.
type KubernetesSource struct {
	// Resources are what is watched.
	Resources []KubernetesResource `json:"resources"`
	// Namespaces to watch; empty is the source's own. ["*"] is all.
	Namespaces []string `json:"namespaces,omitempty"`
	// Owner restricts to objects that an object of this kind owns.
	Owner *KubernetesOwner `json:"owner,omitempty"`
	// Mode is ModeReference (default), ModeResource, or ModeEvents: the objects
	// are core/v1 Events, sent as 2018's k8sevents source did
	// (`dev.knative.k8s.event`).
	Mode string `json:"mode,omitempty"`
}

// Modes of KubernetesSource.
const (
	ModeReference = "Reference"
	ModeResource  = "Resource"
	ModeEvents    = "Events"
)

// KubernetesResource is a kind, and which of its objects.
type KubernetesResource struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Selector is a label selector as kubectl writes it; "" is all.
	Selector string `json:"selector,omitempty"`
}

// KubernetesOwner is the kind of an owner.
type KubernetesOwner struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

// KafkaSource sends the records of topics. Secrets: EnvKafkaUser,
// EnvKafkaPassword, EnvKafkaSASL (PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512),
// EnvKafkaCA, EnvKafkaCert and EnvKafkaKey (PEM).
type KafkaSource struct {
	Brokers []string `json:"brokers"`
	Topics  []string `json:"topics"`
	Group   string   `json:"group"`
	// InitialOffset is "earliest" or "latest" (default): where a new group begins.
	InitialOffset string `json:"initialOffset,omitempty"`
	// Ordered holds up records behind one that fails (default false here; the
	// lowering fills Knative's default in).
	Ordered bool `json:"ordered,omitempty"`
	// TLS and SASL say that they are on.
	TLS  bool `json:"tls,omitempty"`
	SASL bool `json:"sasl,omitempty"`
}

// Environment of a KafkaSource's secrets.
const (
	EnvKafkaUser     = "KAFKA_NET_SASL_USER"
	EnvKafkaPassword = "KAFKA_NET_SASL_PASSWORD"
	EnvKafkaSASL     = "KAFKA_NET_SASL_TYPE"
	EnvKafkaCA       = "KAFKA_NET_TLS_CA_CERT"
	EnvKafkaCert     = "KAFKA_NET_TLS_CERT"
	EnvKafkaKey      = "KAFKA_NET_TLS_KEY"
)

// GitHubSource takes GitHub's webhooks. Secrets: EnvGitHubSecret, which signs
// them; EnvGitHubToken, with which the hook is registered and removed (without
// it the hook is the user's to make); or both in EnvGitHubCredentials as 2018's
// `{"accessToken": "...", "secretToken": "..."}`.
type GitHubSource struct {
	// Repository is `owner/repo`, or `owner` for an organization.
	Repository string `json:"repository"`
	// Events are GitHub's names, as `pull_request`; empty is all.
	Events []string `json:"events,omitempty"`
	// API is the URL of the API; "" is https://api.github.com.
	API string `json:"api,omitempty"`
	// Hook is the URL that GitHub is told to call; "" registers nothing.
	Hook string `json:"hook,omitempty"`
	// EventType, if set, is the type of every event, as 2018's `pullrequest`;
	// else `dev.knative.source.github.{event}`.
	EventType string `json:"eventType,omitempty"`
	// Secure says that Hook is https.
	Secure bool `json:"secure,omitempty"`
}

// Environment of a GitHubSource's secrets.
const (
	EnvGitHubSecret      = "GITHUB_SECRET_TOKEN"
	EnvGitHubToken       = "GITHUB_ACCESS_TOKEN"
	EnvGitHubCredentials = "GITHUB_CREDENTIALS"
)

// PubSubSource pulls from Google Cloud Pub/Sub. The account is the pod's own,
// or the JSON key in EnvGoogleCredentials.
type PubSubSource struct {
	// Project is that of the topic; "" is the credential's own.
	Project string `json:"project,omitempty"`
	// Topic is the short name.
	Topic string `json:"topic"`
	// Subscription is the short name of the user's own; "" has one made, which is
	// named after the source and is removed with it.
	Subscription string `json:"subscription,omitempty"`
	// AckDeadline and Retention of the subscription that is made: 10 s to 10 min,
	// and 10 min to 7 d. 0 is 10 s, and 7 d. RetainAcked keeps what was
	// acknowledged for as long.
	AckDeadline Duration `json:"ackDeadline,omitempty"`
	Retention   Duration `json:"retention,omitempty"`
	RetainAcked bool     `json:"retainAcked,omitempty"`
	// Endpoint is a region's host:443, or host:port of an emulator; "" is
	// Google's.
	Endpoint string `json:"endpoint,omitempty"`
	// EventType, if set, is the type of every event, as 2018's
	// `google.pubsub.topic.publish`; their data is then what it was in 2018.
	EventType string `json:"eventType,omitempty"`
}

// FieldOfSecret is where a spec of a kind names the Secret that holds all of a
// source's credentials as JSON; "" for kinds that have a field for each. What is
// wrong with the value is said of this field.
func FieldOfSecret(kind string) string {
	switch kind {
	case "Feed", "Flow":
		return "spec.trigger.parametersFrom[0]"
	case "CloudPubSubSource":
		return "spec.secret"
	}
	return ""
}

// EnvGoogleCredentials is the JSON of a service account's key.
const EnvGoogleCredentials = "GOOGLE_CREDENTIALS_JSON"

// EventReaderRole is the ClusterRole by which a source may read Events: the only
// one that the engine may bind.
const EventReaderRole = "sluice-event-reader"
