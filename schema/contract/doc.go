// Package contract spells, once, every name that one process writes and
// another reads: labels, annotations, headers, environment keys, ports and
// object names.
//
// The control plane (engine) and the data plane (runtime) never import each
// other; they meet here and in the cluster.
//
// # Reads
//
// names.go; events.go for channels, events_inspect.go for what asks about events.
package contract
