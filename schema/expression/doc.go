// Package expression compiles what a spec says in CloudEvents SQL and in CEL:
// the same for the reader of a repository, who wants to know whether it can be
// meant, and for the dispatcher, which evaluates it.
//
// # In
//
// The text of an expression.
//
// # Out
//
// The compiled expression, or an error that says what is wrong with the text.
//
// # Reads
//
// cesql.go and cel.go. CEL sees the variables `event` (attributes by name)
// and `data` (the payload: decoded JSON, text or bytes).
package expression
