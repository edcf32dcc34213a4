// Package registry asks image registries what a tag stands for.
//
// # In
//
// engine.Image: a name as written in a spec, and the Secrets that its pod
// pulls with.
//
// # Out
//
// A reference with a digest, or an error that says which registry refused.
// Credentials are read when they are needed, sent to the registry that they
// are for alone, and never appear in errors.
//
// # Reads
//
// digests.go; keychain.go is who asks.
package registry
