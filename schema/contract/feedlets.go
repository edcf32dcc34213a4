package contract

// Environment of a program that starts and stops feeds, as in 2018. What is JSON
// is in base64; a start's termination message is the feed's context.
const (
	// EnvFeedOperation is START or STOP.
	EnvFeedOperation = "FEED_OPERATION"
	// EnvFeedTarget is the host, and path if there is one, that events go to.
	EnvFeedTarget = "FEED_TARGET"
	// EnvFeedTrigger is JSON: eventType, resource, service, params.
	EnvFeedTrigger = "FEED_TRIGGER"
	// EnvFeedContext is what the start has said, for the stop; JSON.
	EnvFeedContext = "FEED_CONTEXT"
	// EnvFeedSource is the event source's own parameters; JSON.
	EnvFeedSource = "EVENT_SOURCE_PARAMETERS"
	// EnvFeedNamespace and EnvFeedAccount are the feed's.
	EnvFeedNamespace = "FEED_NAMESPACE"
	EnvFeedAccount   = "FEED_SERVICE_ACCOUNT"
	// EnvFeedParameters is the Secret of parametersFrom, as it is: JSON in plain.
	// 2018 had it in the trigger.
	EnvFeedParameters = "FEED_PARAMETERS"
)
