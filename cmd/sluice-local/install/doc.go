// Package install puts the platform into the one-machine cluster: exactly what
// `sluice install` prints, applied server-side.
//
// # In
//
// The sluice binary, the registry, and where the repository is.
//
// # Out
//
// The platform's objects, its Deployments available.
//
// # Reads
//
// install.go, then image.go (the binary becomes an image), manifests.go (what it
// prints is applied), wait.go.
package install
