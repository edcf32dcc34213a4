// Package load turns the bytes of a commit into specs: files into documents,
// documents into specs, and everything that is wrong into problems with file,
// line and column.
//
// It is pure. What [Read] says of a file depends on its path and blob alone,
// so the engine keeps parts by (path, blob) and a commit costs what it changed.
//
// # In
//
// [File]s as they stand in a Git tree, the [Settings] of the repository, and
// the table of kinds ([schema.Kinds]).
//
// # Out
//
// A [Part] for each file, and of all parts a [Tree]: the specs that are good,
// the identities that a broken document describes (the engine leaves them as
// they are), and the files of which not even that could be read.
//
// One bad document holds back itself alone. The content is hostile until
// proven otherwise: sizes, nesting, counts and alias expansion have limits,
// and no link is followed.
//
// # Reads
//
// read.go, then document.go; split.go and convert.go are YAML, join.go and
// settings.go the rest.
package load
