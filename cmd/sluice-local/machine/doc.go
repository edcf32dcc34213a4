// Package machine asks whether this machine can be a node with real
// containers, and keeps a second cluster off it while it is one.
//
// # In
//
// The machine: who we are, what is installed, what it is already.
//
// # Out
//
// A Claim, or an error that says what is missing and what to type.
//
// # Reads
//
// needs.go has the list of what is needed, claim.go who has the machine.
package machine
