// Package gateway finds the revision that a request is for: from its host and
// path, by the weights of the routes.
//
// # In
//
// Istio VirtualServices whose destinations are the activator, one change at a
// time ([Table.SetRoute], [Table.DeleteRoute]), and requests.
//
// # Out
//
// The request, handed on with the headers that its destination sets, or an
// answer that says why there is none. Other people's VirtualServices are
// ignored; two that claim one host are reported, and the older one has it.
//
// # Reads
//
// handler.go (a request's way), table.go (who has which host), compile.go (what
// of a VirtualService is understood).
package gateway
