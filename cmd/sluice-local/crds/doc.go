// Package crds holds the definitions of the Istio kinds that the platform
// writes, as Istio publishes them, so that the one-machine cluster knows them
// without Istio.
//
// # In
//
// A client of the cluster.
//
// # Out
//
// VirtualService, Gateway and DestinationRule, established.
//
// # Reads
//
// apply.go; istio.yaml is cut from module istio.io/api (a test compares them;
// `go test ./crds -update` cuts it again).
package crds
