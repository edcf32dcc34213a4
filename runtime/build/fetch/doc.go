// Package fetch brings a build's source into its workspace: a tree of the
// platform's own repository, or a revision of any other.
//
// # In
//
// A tree's hash and where it is served; or a URL, a revision and the
// credentials that creds has written.
//
// # Out
//
// Files. Nothing is written outside of the target, no submodule is fetched,
// no pointer of Git LFS is passed off as the file it stands for, and what is
// too large is refused before it is written.
//
// # Reads
//
// tree.go and git.go; files.go writes for both.
package fetch
