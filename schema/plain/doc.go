// Package plain lets ordinary Kubernetes objects through, as far as the
// installation's policy goes.
//
// # In
//
// A [schema.Document] of any kind that no other group knows, and the [Policy].
//
// # Out
//
// An [Object] that passes through as it was written, checked field by field
// against Kubernetes' own types; or the reason why it does not.
//
// # Reads
//
// policy.go, then object.go; table.go lists the kinds whose fields are known.
package plain
