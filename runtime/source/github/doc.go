// Package github takes GitHub's webhooks and sends them on as events.
//
// # In
//
// Deliveries, signed over their raw bytes with HMAC-SHA-256; a
// contract.GitHubSource; a token where the hook is ours to register.
//
// # Out
//
// One event per delivery, its data the payload byte for byte, its id GitHub's
// delivery id. GitHub gets 202 when the sink has acknowledged the event and not
// before. What is not signed, or wrongly, is 401; a sink that does not answer in
// time is 503, and the delivery can be sent again from GitHub.
//
// # Reads
//
// handler.go, event.go; hook.go registers the hook.
package github
