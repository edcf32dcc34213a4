// Package cli is what a person types: the verbs of sluice-local, one file each,
// and the exit codes.
//
// # In
//
// Arguments and streams.
//
// # Out
//
// An exit code: 0 fine, 1 failed, 2 usage.
//
// # Reads
//
// main.go, then up.go, down.go, image.go, kubectl.go.
package cli
