// Package memory is where a source remembers how far it was.
//
// # In
//
// Names and values: what they mean is the source's.
//
// # Out
//
// The same, to the next run. A ConfigMap that the engine makes and never fills
// is the memory inside a cluster, a file that outside.
//
// # Reads
//
// configmap.go, file.go; notes.go writes them down now and then.
package memory
