package contract

import "time"

// Results of an Activation.
const (
	ActivationSucceeded = "Succeeded"
	ActivationFailed    = "Failed"
)

// Activation is how it went when a revision had to get its first pod. It
// travels in AnnotationActivation. It never latches: the next one is tried
// whatever the last one says.
type Activation struct {
	// Result is ActivationSucceeded or ActivationFailed.
	Result string `json:"result"`
	// Error says what is wrong, in Kubernetes' own words; empty if nothing is.
	Error string `json:"error,omitempty"`
	// At is when that was seen.
	At time.Time `json:"at"`
}
