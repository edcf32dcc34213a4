package cloudevents

import "net/http"

// Headers of the handshake by which a sender asks whether its events are
// wanted (CloudEvents HTTP 1.1 Web Hooks).
const (
	headerRequestOrigin = "Webhook-Request-Origin"
	headerRequestRate   = "Webhook-Request-Rate"
	headerAllowedOrigin = "Webhook-Allowed-Origin"
	headerAllowedRate   = "Webhook-Allowed-Rate"
)

// Consent answers an OPTIONS request. A sender that names its origin may send
// from there, as often as it likes; a callback is not needed, for the answer
// itself is the consent. Any other OPTIONS request learns what is allowed.
func Consent(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Allow", "POST, OPTIONS")
	if origin := r.Header.Get(headerRequestOrigin); origin != "" {
		h.Set(headerAllowedOrigin, origin)
		if r.Header.Get(headerRequestRate) != "" {
			h.Set(headerAllowedRate, "*")
		}
	}
	w.WriteHeader(http.StatusOK)
}
