// Package diff compares an object as it should be with the object as it is,
// field by field.
//
// # In
//
// Two decoded JSON values.
//
// # Out
//
// [Change] values: what the desired object names and the live one lacks or
// has otherwise. What only the live object has (defaults, other writers'
// fields, status) is nobody's drift.
//
// # Reads
//
// diff.go.
package diff
