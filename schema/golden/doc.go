// Package golden runs stories: txtar archives that hold what goes in and what is
// to come out.
//
// # In
//
// The archives of a pattern, and a function that makes of an archive's files
// those that it is to have.
//
// # Out
//
// A test for each; with -update the archives, rewritten.
//
// # Reads
//
// golden.go.
package golden
