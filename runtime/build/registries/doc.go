// Package registries knows where a registry really answers, and with which
// credentials.
//
// # In
//
// Image references as users write them; contract.EnvRegistries; the docker
// config in $HOME.
//
// # Out
//
// References that can be reached, and options for requests to them.
//
// # Reads
//
// registries.go is all there is.
package registries
