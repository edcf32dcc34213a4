// Package up brings the one-machine cluster up and takes it down: the only
// place where its parts are wired.
//
// # In
//
// What the user typed: a directory, a repository, where HTTP is served.
//
// # Out
//
// A running cluster with the platform installed, one line that begins with
// "ready ", a short live log, and nothing left behind afterwards.
//
// # Reads
//
// up.go is the order of things; one file per step.
package up
