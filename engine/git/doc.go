// Package git reads a repository: which commit a branch is at, what that
// commit's tree lists, what a blob holds, and what each commit changed.
//
// # In
//
// A [Config]: the URL of a remote (https or ssh) or the path of a repository
// on this machine, the branch, credentials as files, limits.
//
// # Out
//
// A [Snapshot] per [Repository.Head]: the commit and every file of its tree
// by path, blob hash and size. Blobs are read one by one with
// [Repository.Blob], so whoever remembers blobs by hash reads each one once.
// [Repository.Changes] is only a hint to look again.
//
// The content is hostile until proven otherwise. Nothing is ever written to
// a work tree, no program is run, no symlink or submodule is followed, sizes
// are known before anything is inflated, and the limits hold for trees made
// to explode. What the files mean is not known here.
//
// # Reads
//
// Start with repository.go. A repository on this machine is read in place
// (local.go); a remote is fetched into one long-lived bare clone, in memory
// or in a folder (remote.go). Both end in one object database (database.go),
// above which listing.go, log.go and resolve.go are the same for either.
package git
