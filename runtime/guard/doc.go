// Package guard lets only those in who show a token of an account that may come
// in: it stands before what a role tells and does on request.
//
// # In
//
// Requests with a ServiceAccount's token, made for contract.AdminAudience alone,
// in contract.HeaderToken; and a Reviewer that knows whose a token is.
//
// # Out
//
// The request, passed on; or 401 without a token that holds, 403 with that of
// another account, 503 while nobody can say. What a token was good for is
// remembered for a minute; and, where the Reviewer cannot be asked, for an hour.
//
// # Reads
//
// guard.go; memory.go remembers.
package guard
