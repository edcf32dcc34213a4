// Package lock keeps two clusters from living in one directory.
//
// # In
//
// The cluster's directory.
//
// # Out
//
// A lock that ends with the process, however it ends, and says who has it.
//
// # Reads
//
// lock.go is all there is.
package lock
