// Package stack runs components that stand on one another: started in order,
// stopped in the reverse order, each only after all above it are gone.
//
// # In
//
// Components: a name and a function that runs until its context is done.
//
// # Out
//
// Word of every component that ended before it was told to.
//
// # Reads
//
// stack.go is all there is.
package stack
