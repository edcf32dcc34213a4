// Package thrift keeps a process small while it rests, and gives its garbage
// collector room while it works.
//
// # In
//
// What the Go runtime counts: bytes allocated, in use, and garbage.
//
// # Out
//
// The collector's percentage (as of GOGC), which is left alone where the
// environment sets it; memory given back to the system when work is over; and,
// where that is asked for, collections in a pause of the work instead of in the
// midst of it.
//
// # Reads
//
// thrift.go
package thrift
