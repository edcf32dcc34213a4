// Package cli is what every verb shares: streams, output formats, and the one
// place where an error becomes an exit code.
//
// # In
//
// A cobra command tree.
//
// # Out
//
// Exit codes: 0 fine, 1 failed, 2 usage, 3 changes pending (plan
// --exit-code), 4 specs invalid.
//
// # Reads
//
// main.go, then streams.go and table.go.
package cli
