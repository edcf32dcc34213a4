// Package dns answers the names of the cluster: Services, headless Services
// and their pods, external names. What is not the cluster's is asked of the
// machine's own name servers.
//
// # In
//
// Services and EndpointSlices, watched.
//
// # Out
//
// A server for UDP and TCP on one address.
//
// # Reads
//
// names.go says what a name means and is pure; server.go speaks DNS; forward.go
// asks others; watch.go feeds it.
package dns
