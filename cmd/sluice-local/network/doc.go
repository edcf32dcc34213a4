// Package network is the node's place in the machine's network when pods are
// real containers: an address that pods can reach, a way out for them, and the
// packet filter as it was before when the cluster is gone.
//
// # In
//
// The machine's links, addresses and packet filter.
//
// # Out
//
// A link with the node's address; rules; and, at the end, none of that.
//
// # Reads
//
// plan.go has the addresses, link.go the link, filter.go the packet filter;
// forward.go is how the world gets in.
package network
