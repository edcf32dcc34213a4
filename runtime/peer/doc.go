// Package peer lets several activators share their revisions: each revision has
// one owner among those that live, which keeps its one line and its one count,
// and gives places at its pods to the others.
//
// # In
//
// The Pods of all activators, as [Peers.SetPod] and [Peers.DeletePod] tell, and
// the connections of the others, at [Peers.ServeHTTP].
//
// # Out
//
// Who owns a revision ([Peers.Owner]), by rendezvous hashing over those to whom
// a connection stands; and, on these connections, words about places, a few
// bytes each. A request's own bytes never pass through a second activator.
//
// # Reads
//
// peers.go (who is there), view.go (who owns what), lender.go (asking the
// owner), host.go (answering), link.go and frame.go (the connection), and
// successor.go (who follows one that is to go).
package peer
