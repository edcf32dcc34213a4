// Package status says how things stand, for people and for other programs.
//
// # In
//
// What a pass of the engine found and did, spec by spec.
//
// # Out
//
// A [Report], and from two reports the [Event]s that lie between them.
//
// # Reads
//
// report.go, then events.go.
package status
