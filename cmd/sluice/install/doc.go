// Package install makes the platform's own manifests: what `sluice install`
// prints and nothing else puts into a cluster.
//
// # In
//
// [Settings], what an installation decides. Policy lives here, never in the
// repository that it restricts.
//
// # Out
//
// Namespace, ServiceAccounts, least-privilege RBAC, the settings as a
// ConfigMap, and the Deployments of engine and activator.
//
// # Reads
//
// settings.go, then manifests.go and rbac.go.
package install
