// Package address gives every cluster directory a loopback network of its own,
// so that clusters run side by side and no port but the user's is fixed.
//
// # In
//
// The cluster's directory.
//
// # Out
//
// A Block, 127.A.0.0/16, and the listeners that prove it is ours while the
// process lives. A is kept in the directory and chosen anew when a stranger
// holds the block.
//
// # Reads
//
// block.go has the plan of the network, claim.go how one is taken, holder.go
// who holds a port.
package address
