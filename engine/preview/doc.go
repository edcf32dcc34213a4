// Package preview decides what of an untrusted Git ref may run beside the
// trusted branch.
//
// # In
//
// The policy, the refs there are, what each of them changed, and the clock.
//
// # Out
//
// Which refs are open as previews, under which tag, and in one sentence why
// each of the others is not. [Differs] says what a template may not change.
//
// # Reads
//
// policy.go, then choose.go. What a ref's files say is read elsewhere.
package preview
