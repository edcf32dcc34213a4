// Package wire is what all who keep connections for later have to know of one:
// whether it is still of use.
//
// # In
//
// A kept connection, between two exchanges.
//
// # Out
//
// A [Probe] of it, which tells without waiting.
//
// # Reads
//
// probe.go; silent_unix.go is how a descriptor is asked.
package wire
