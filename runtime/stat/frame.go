package stat

// LoadPath is where an activator posts its standing stream of Frames to the
// autoscaler: one JSON object a line, both ways, for as long as both live.
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
	// Wake asks for a pod: a request waits and there is none. It is acknowledged.
	Wake bool `json:"wake,omitempty"`
}

// Ack answers a Frame with Wake: the autoscaler has asked for Want pods, or
// says why not.
type Ack struct {
	Namespace string `json:"namespace"`
	Revision  string `json:"revision"`
	Want      int32  `json:"want"`
	Error     string `json:"error,omitempty"`
}
