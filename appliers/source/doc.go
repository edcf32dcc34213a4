// Package source serves the repository's own trees to the builds that ask for
// them, as tar archives.
//
// # In
//
// The trees that the engine offers to a namespace; blobs of the repository.
//
// # Out
//
// GET /v1/source/TREE, for a pod that shows a token of a ServiceAccount of a
// namespace that the tree was offered to. No other namespace learns even that
// the tree is there.
//
// # Reads
//
// server.go, archive.go.
package source
