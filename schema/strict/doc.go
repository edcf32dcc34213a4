// Package strict decodes documents so that a slip of the pen is an error with
// a place and a suggestion, never a field silently lost.
//
// # In
//
// A [schema.Document] and a pointer to the Go type it should be.
//
// # Out
//
// The value filled, or every unknown field and wrong type of the document as
// problems, not only the first. Texts never repeat what could be a secret.
//
// # Reads
//
// decode.go, then walk.go. The walk knows no kind; it reads Go types and their
// json tags.
package strict
