// Package post sends one event to one URL and reads the answer.
//
// # In
//
// A [Client], a [Target] (an address, parsed once) and an event.
//
// # Out
//
// An [Answer] of any status, or an error when there was none. Redirects are
// never followed. Nothing is tried again but a kept connection that turned out
// to be closed.
//
// # Reads
//
// post.go. Plain HTTP goes over connections of our own (conn.go), which need no
// goroutine and few allocations; https over net/http (tls.go).
package post
