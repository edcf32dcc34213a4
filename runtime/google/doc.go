// Package google is how to reach Google Cloud's services.
//
// # In
//
// Access: a credential where the machine has none of its own, and an endpoint
// where it is not the service's.
//
// # Out
//
// Options for Google's clients; errors that never quote a credential.
//
// # Reads
//
// google.go.
package google
