package contract

// Labels that users of Knative know, with Knative's meaning.
const (
	// LabelService is the name of the Service a revision or route belongs to.
	LabelService = "serving.knative.dev/service"
	// LabelConfiguration is the name of the Configuration a revision is of.
	LabelConfiguration = "serving.knative.dev/configuration"
	// LabelRevision is the revision's name, on its Deployment and its Pods.
	LabelRevision = "serving.knative.dev/revision"
	// LabelRoute is the name of the Route a VirtualService is of.
	LabelRoute = "serving.knative.dev/route"
	// LabelVisibility with the value cluster-local hides a route from outside.
	LabelVisibility = "networking.knative.dev/visibility"
)

// LabelComponent, on the platform's own objects, is the part that they are of.
const LabelComponent = "app.kubernetes.io/component"

// Labels of Kubernetes' ApplySet convention (KEP-3659).
const (
	// LabelPartOf is on every object the engine owns; its value is the ApplySet's id.
	LabelPartOf = "applyset.kubernetes.io/part-of"
	// LabelApplySetID is on the ApplySet's parent object.
	LabelApplySetID = "applyset.kubernetes.io/id"
	// AnnotationTooling, on the parent, names the tool that owns the set.
	AnnotationTooling = "applyset.kubernetes.io/tooling"
	// AnnotationContains, on the parent, lists the kinds of the members.
	AnnotationContains = "applyset.kubernetes.io/contains-group-kinds"
	// AnnotationNamespaces, on the parent, lists the other namespaces of members.
	AnnotationNamespaces = "applyset.kubernetes.io/additional-namespaces"
)

// Annotations that the engine writes on what it applies.
const (
	// AnnotationDigest is the sha256 of the applied manifest.
	AnnotationDigest = "sluice.dev/digest"
	// AnnotationCommit is the commit that last changed the object.
	AnnotationCommit = "sluice.dev/commit"
	// AnnotationSource is the file in the repository that describes the object.
	AnnotationSource = "sluice.dev/source"
	// AnnotationUnit is the spec that describes the object, as its Identity reads.
	AnnotationUnit = "sluice.dev/unit"
	// AnnotationTracking names the object itself, so that a copy of the labels
	// made by somebody else is not taken for ours.
	AnnotationTracking = "sluice.dev/tracking-id"
	// AnnotationAdopt with the value true, in a spec, takes over an object that
	// exists already and belongs to nobody.
	AnnotationAdopt = "sluice.dev/adopt"
	// AnnotationLatestReady, on a VirtualService, is the revision that the
	// route's "latest" points to: the newest that was ready when it was written.
	// One entry per configuration: `hello=hello-0123456789`.
	AnnotationLatestReady = "sluice.dev/latest-ready"
	// AnnotationRefReady, on a VirtualService, is the same for Git refs:
	// `preview/blue=hello-0123456789`.
	AnnotationRefReady = "sluice.dev/ref-ready"
	// AnnotationRollouts, on a VirtualService, is how far shares have moved from
	// one revision to the next: JSON, by `configuration/tag`.
	AnnotationRollouts = "sluice.dev/rollouts"
	// AnnotationRamp, on a Service or Route, moves traffic to a newer revision in
	// steps: `1,5,25,50,100 every 2m`.
	AnnotationRamp = "sluice.dev/ramp"
	// AnnotationPreviewPercent, on a Service, is the share of its requests that
	// previews of it ask for.
	AnnotationPreviewPercent = "sluice.dev/preview-percent"
	// AnnotationPreview, on a revision's Deployment, is the Git ref that it
	// previews. Without that ref, or a route to it, the revision goes.
	AnnotationPreview = "sluice.dev/preview"
	// AnnotationPreviews, on a VirtualService, are the revisions of previews by
	// their tags: `pr-7=hello-0123456789`.
	AnnotationPreviews = "sluice.dev/previews"
	// AnnotationDomains, on a VirtualService, says in whose namespace the mapping
	// is by which it has a domain: `shop.example.org=default`.
	AnnotationDomains = "sluice.dev/domains"
	// AnnotationPorts, on a Pod, says where a declared container port really
	// listens: a JSON object such as `{"8080":41234}`. A node that gives every
	// pod its own network namespace leaves it out.
	AnnotationPorts = "sluice.dev/ports"
	// AnnotationLimits, on a revision's Deployment and Pods, carries the request
	// limits for the activator as a JSON object; see Limits.
	AnnotationLimits = "sluice.dev/limits"
	// AnnotationImages, on a revision's Deployment, is what the tags in its
	// images stood for when it was created: a JSON object of image as written to
	// reference with digest.
	AnnotationImages = "sluice.dev/images"
	// AnnotationFailed, on a revision's Deployment, says why it was given up: it
	// did not become ready in time and no route leads to it, so that it was
	// scaled to zero. At zero it looks complete, but it never was ready. The
	// autoscaler writes it, and takes it away when the revision becomes ready.
	AnnotationFailed = "sluice.dev/failed"
	// AnnotationActivation, on a revision's Deployment, says how it went when it
	// had to get its first pod last, as a JSON object; see Activation. The
	// autoscaler writes it: a failure at once, a success with its next write.
	AnnotationActivation = "sluice.dev/last-activation"
	// AnnotationRetiring with the value true, on a Pod, has it get no request that
	// another pod can take: it is to go when it has none. The autoscaler writes it.
	AnnotationRetiring = "sluice.dev/retiring"
)

// Limits is what the activator must know of a revision. It travels in
// AnnotationLimits on the revision's Deployment and Pods.
type Limits struct {
	// ContainerConcurrency is the hard limit of requests per pod; 0 is none.
	ContainerConcurrency int64 `json:"containerConcurrency,omitempty"`
	// TimeoutSeconds bounds a whole request.
	TimeoutSeconds int64 `json:"timeoutSeconds,omitempty"`
	// ResponseStartTimeoutSeconds bounds the time to the first byte; 0 is TimeoutSeconds.
	ResponseStartTimeoutSeconds int64 `json:"responseStartTimeoutSeconds,omitempty"`
	// IdleTimeoutSeconds bounds the silence within a response; 0 is none.
	IdleTimeoutSeconds int64 `json:"idleTimeoutSeconds,omitempty"`
	// Port is the declared container port that serves.
	Port int32 `json:"port"`
	// Protocol is http1 or h2c.
	Protocol string `json:"protocol"`
}

// Headers that the ingress sets (never appends) on every request it sends to
// the activator. What a client sends under these names is overwritten.
const (
	HeaderNamespace = "Sluice-Namespace"
	HeaderRevision  = "Sluice-Revision"
	// HeaderTag, on a request to a route, names one of its tags: Knative's
	// Knative-Serving-Tag, in the lower case that Istio wants.
	HeaderTag = "knative-serving-tag"
	// HeaderDefaultRoute marks a request whose HeaderTag names no tag.
	HeaderDefaultRoute = "Knative-Serving-Default-Route"
)

// How activators share revisions; runtime/peer has the protocol.
const (
	// PathPlaces, on an activator's admin address, takes the connections of others.
	PathPlaces = "/v1/places"
	// HeaderPeer names, on such a connection, the Pod that asks.
	HeaderPeer = "Sluice-Peer"
)

// What the autoscaler answers; runtime/stat has the stream of reports.
const (
	// PathExplain answers ?revision=namespace/name with its last decisions.
	PathExplain = "/v1/explain"
	// PathTop lists the revisions that are active.
	PathTop = "/v1/top"
	// PathAnswers answers ?revision=namespace/name, any number of them, with how
	// those revisions answered so far: Answers, by namespace/name.
	PathAnswers = "/v1/answers"
)

// Answers is how a revision answered so far, as all activators saw it.
type Answers struct {
	// Requests were answered, Errors of them with a status of 500 or more, or
	// not to the end.
	Requests float64 `json:"requests"`
	Errors   float64 `json:"errors"`
	// Slow counts them by duration, in buckets whose upper bounds are 1, 2.5, 5,
	// 10, 25, 50, 75, 100, 250, 500, 750 ms, 1, 2.5, 5, 7.5 and 10 s; the last
	// bucket has none.
	Slow []float64 `json:"slow"`
}

// Environment that every container of a revision gets.
const (
	EnvPort          = "PORT"
	EnvService       = "K_SERVICE"
	EnvConfiguration = "K_CONFIGURATION"
	EnvRevision      = "K_REVISION"
)

// Object names of the installation.
const (
	// Namespace is where the platform lives.
	Namespace = "sluice-system"
	// Activator is the name of its Deployment and Service.
	Activator = "activator"
	// ActivatorHost is what a VirtualService sends to.
	ActivatorHost = Activator + "." + Namespace + ".svc.cluster.local"
	// ActivatorPort is the Service's port.
	ActivatorPort = 80
	// Ingress is the name of the Service that lets the world in, where no mesh does.
	Ingress = "ingress"
	// Autoscaler is the name of its Deployment, Service, Lease and ServiceAccount.
	Autoscaler = "autoscaler"
	// Gateway is the name of the Istio Gateway that external hosts bind to.
	Gateway = Namespace + "/sluice-gateway"
	// IngressLabel and IngressValue select the pods of Istio's ingress.
	IngressLabel = "istio"
	IngressValue = "ingressgateway"
	// Engine is the name of the engine's Deployment, Lease and ServiceAccount.
	Engine = "engine"
	// StatusConfigMap holds the engine's last report.
	StatusConfigMap = "sluice-status"
	// CommitSecret keeps the newest commit that could be read.
	CommitSecret = "sluice-commit"
	// InventoryConfigMap is the ApplySet's parent.
	InventoryConfigMap = "sluice-inventory"
	// FieldManager is the engine's name in managedFields.
	FieldManager = "sluice"
	// ScaleFieldManager owns spec.replicas.
	ScaleFieldManager = "sluice-scale"
)

// Ports and protocols of a revision.
const (
	// DefaultPort is the container port where a spec names none (Knative's).
	DefaultPort = 8080
	// ProtocolHTTP1 and ProtocolH2C are the port names with a meaning.
	ProtocolHTTP1 = "http1"
	ProtocolH2C   = "h2c"
	// ActivatorListen is the port the activator's pods serve requests on.
	ActivatorListen = 8080
	// ActivatorInside is the port on which they serve who is in the cluster,
	// where no mesh does.
	ActivatorInside = 8082
	// AutoscalerListen is the port the autoscaler takes reports on.
	AutoscalerListen = 8081
	// AdminListen is the port of health, readiness and metrics in every role.
	AdminListen = 9090
)

// VisibilityClusterLocal is the only legal value of LabelVisibility.
const VisibilityClusterLocal = "cluster-local"
