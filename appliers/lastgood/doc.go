// Package lastgood keeps the newest commit that could be read in the cluster
// itself, so that an engine that starts while its remote is away knows what
// to heal.
//
// # In
//
// A repository.
//
// # Out
//
// The same repository. Where it cannot be read and nothing has been read yet,
// the commit that was kept. It is kept as one Secret in the platform's own
// namespace: the manifests' files, gzipped; nothing else of the repository.
//
// # Reads
//
// repository.go, then archive.go.
package lastgood
