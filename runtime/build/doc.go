// Package build is the platform's own steps of a build, each in a room of its
// own, each small, static and content with no privileges at all.
//
//   - creds writes what git, docker and buildah read of credentials.
//   - fetch brings the source.
//   - compile makes a Go program, and image puts it into one.
//   - publish pushes the image and says which it is; sign signs it.
//
// # In
//
// Flags of `sluice build`, files of earlier steps.
//
// # Out
//
// Files for later steps; the last one's termination message.
//
// # Reads
//
// This file; then the rooms in the order above. registries, which all share,
// knows where a registry really answers.
package build
