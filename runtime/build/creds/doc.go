// Package creds writes, for the steps that follow, what git, docker and
// buildah read of credentials, and puts the sluice program where they find it.
//
// # In
//
// Secrets as mounted files; which of them is for which URL; contract.EnvRegistries.
//
// # Out
//
// $HOME/.git-credentials, .gitconfig, .ssh, .docker/config.json and
// .config/containers/registries.conf. Nothing of them is ever printed.
//
// # Reads
//
// creds.go, git.go, docker.go.
package creds
