// Package child runs other programs for as long as a cluster lives: none is
// left when this process is gone, however it went.
//
// # In
//
// A program, its arguments, the file that gets what it says.
//
// # Out
//
// An error when it ends before it was told to, with the last thing it said.
//
// # Reads
//
// child.go is all there is.
package child
