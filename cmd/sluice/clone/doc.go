// Package clone makes a commit on a branch and pushes it, as the person who
// types: by their own git, with their name, credentials, signature and hooks.
//
// # In
//
// A repository's URL and branch, a path with its new content, a message.
//
// # Out
//
// A commit on the branch, or an error with git's own words; [ErrMoved] if the
// branch has got another commit meanwhile. Nothing is ever forced.
//
// # Reads
//
// clone.go is all there is.
package clone
