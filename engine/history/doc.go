// Package history knows the revisions of a configuration in the order in
// which the branch first described them.
//
// # In
//
// The workloads that each commit of the branch's first-parent line described,
// oldest first.
//
// # Out
//
// A [Line]: each distinct template once, with its ordinal, and who brought it.
//
// # Reads
//
// history.go. How commits are read is engine/git's business.
package history
