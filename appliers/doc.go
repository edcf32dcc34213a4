// Package appliers sends each step of a plan to the applier of its kind, and
// counts what goes to the API server.
//
// # In
//
// Steps; the appliers of the rooms below.
//
// # Out
//
// What the appliers answer; counts by verb.
//
// # Reads
//
// bykind.go; then kubernetes, which does the writing for every kind.
package appliers
