// Package crilog keeps what containers print, in the format of the Container
// Runtime Interface: time, stream, F (full) or P (part of a long line), text.
//
// # In
//
// The two output pipes of a container.
//
// # Out
//
// A file that never exceeds its bound (one older part is kept beside it), and
// its lines as `kubectl logs` asks for them.
//
// # Reads
//
// log.go writes, read.go reads.
package crilog
