// Package seed makes the demo repository that `sluice-local up` deploys when it
// is given none.
//
// # In
//
// A folder for the repository, a branch, and the files of its first commit.
//
// # Out
//
// A bare repository that can be cloned from and pushed to. One that is there
// already is left as it is.
//
// # Reads
//
// demo.go is all there is.
package seed
