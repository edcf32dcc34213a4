// Package catalog is the table of contents: every kind that a repository may
// hold, a line for each group.
//
// # In
//
// The installation's policy.
//
// # Out
//
// [Kinds], and [New] for the lookup that engine/load reads with.
//
// # Reads
//
// catalog.go is all there is.
package catalog
