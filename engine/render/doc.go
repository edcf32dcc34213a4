// Package render turns nouns into manifests. It is one function of its
// arguments: same input, same bytes.
//
// # In
//
// [Unit]: what one spec wants, what is known of its revisions from Git
// (history) and from the cluster (facts), and the installation's [Config].
//
// # Out
//
// [Result]: the manifests, the traffic that was decided, what stays as it is,
// and what is wrong.
//
// # Reads
//
// render.go, then traffic.go (who gets what), deployment.go and
// virtualservice.go.
package render
