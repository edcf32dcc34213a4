// Package examples carries the stories: one folder each, with its specs, the
// source of its app, a README, and demo.txtar, the same story as a test.
//
// # In
//
// Nothing.
//
// # Out
//
// [Files], from which the one-machine cluster seeds its demo repository and
// builds its demo image.
//
// # Reads
//
// hello/README.md.
package examples
