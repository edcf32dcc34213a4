// Package inlet is the HTTP server of the ingress: what most senders do, a short
// POST over a kept HTTP/1.1 connection, at a third of net/http's price; all else
// by net/http.
//
// # In
//
// A listener; [Config.Find], which knows who takes what is posted to a host and a
// path; and a handler of net/http for the rest.
//
// # Out
//
// Requests that are plain beyond doubt (head.go) go to their [Take]. At the
// first request that is not, its connection goes to net/http, with every byte
// that was read of it, and stays there: HTTP/2, other methods, chunks, Expect,
// large bodies, unknown hosts and whatever is malformed are answered as ever.
//
// # Reads
//
// server.go, conn.go, head.go, pass.go.
package inlet
