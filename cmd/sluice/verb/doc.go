// Package verb holds what a person types, a file each: parse, do, print.
//
// # In
//
// Flags and arguments; a [Parts] that opens clusters and repositories, made
// in cmd/sluice/role, the only place where parts are wired.
//
// # Out
//
// Text for people or JSON for programs; errors that cmd/sluice/cli turns into
// exit codes.
//
// # Reads
//
// root.go, then validate.go: the smallest verb.
package verb
