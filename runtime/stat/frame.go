package stat

// LoadPath is where an activator posts its standing stream of Frames to the
// autoscaler, for as long as both live: in blocks where the autoscaler says that
// it takes them (BlockType), else one JSON object a line. What comes back is
// JSON.
const LoadPath = "/v1/load"

// Frame is what one activator says of one revision, about once a second while
// the revision has requests, and at once when it wakes or begins to queue.
// Nothing is sent of a revision without requests but one last frame of zeros.
type Frame struct {
	// Activator tells the senders apart; its loads are added up.
	Activator string `json:"activator"`
	Namespace string `json:"namespace"`
	Revision  string `json:"revision"`
	// Concurrency is the time average of the requests in the activator, at pods
	// and waiting, since the last Frame.
	Concurrency float64 `json:"concurrency"`
	// Requests is how many came since the last Frame.
	Requests float64 `json:"requests"`
	// Seconds is how long ago the last Frame was; 0 for the first.
	Seconds float64 `json:"seconds"`
	// InFlight requests are at pods, Queued ones wait, at this moment.
	InFlight int `json:"inFlight"`
	Queued   int `json:"queued"`
	// Pods that take requests, as this activator sees them.
	Ready int `json:"ready"`
	// Pods are some of those, where there are several: first those that are to
	// go, then the least busy; PodsTold at most.
	Pods []Pod `json:"pods,omitempty"`
	// P50 and P95 are the quantiles, in seconds, of how long the requests took
	// that were answered since the last Frame; 0 if none was.
	P50 float64 `json:"p50,omitempty"`
	P95 float64 `json:"p95,omitempty"`
	// Slow counts the requests that were answered since the last Frame by how long
	// they took; Errors of them were answered with 500 or more, or not to the end.
	Slow   Counts  `json:"slow,omitzero"`
	Errors float64 `json:"errors,omitempty"`
	// Wake asks for a pod: a request waits and there is none. It is acknowledged.
	Wake bool `json:"wake,omitempty"`
}

// PodsTold is how many pods a Frame names at most.
const PodsTold = 64

// Pod is one pod that takes requests.
type Pod struct {
	Name     string `json:"name"`
	InFlight int    `json:"inFlight,omitempty"`
	// Retiring: it is to go, and gets no request that another pod can take.
	Retiring bool `json:"retiring,omitempty"`
}

// Ack answers a Frame with Wake: the autoscaler has asked for Want pods, or
// says why not.
type Ack struct {
	Namespace string `json:"namespace"`
	Revision  string `json:"revision"`
	Want      int32  `json:"want"`
	Error     string `json:"error,omitempty"`
	// Trouble is why the pods that were asked for do not become ready. An Ack
	// that has it answers no Frame: it is sent while that lasts.
	Trouble string `json:"trouble,omitempty"`
}
