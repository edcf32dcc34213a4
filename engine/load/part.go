package load

import "github.com/sluice-dev/sluice/schema"

// Entry is one document that says whose it is.
type Entry struct {
	// Identity is who the document describes.
	Identity schema.Identity
	// Spec is the document understood; nil where it has an error. Then what
	// stands in the cluster under Identity is to be left as it is.
	Spec schema.Spec
	// File, Line and Column are where the document stands.
	File         string
	Line, Column int
}

// Part is what one file says.
type Part struct {
	// Path and Blob are the file's.
	Path, Blob string
	// Entries are the documents whose identity is known, in order.
	Entries []Entry
	// Problems are in the order of the lines.
	Problems []schema.Problem
	// Unreadable reports that the file describes something of which not even
	// the identity could be read. Whatever came from this path before is to be
	// left as it is. For a submodule that is all below the path.
	Unreadable bool
	// Silent reports that something in the file, or all of it, describes nobody:
	// it is empty or no manifest. Whatever came from this path before is to be
	// left as it is: what is to go is deleted, not emptied.
	Silent bool
}

// Tree is what a commit says.
type Tree struct {
	// Specs are the good ones, by identity; there is one for each identity.
	Specs []Entry
	// Broken are the identities whose documents have an error, sorted: nothing
	// of theirs is changed or pruned.
	Broken []schema.Identity
	// Unreadable are the paths, sorted, that describe nobody knows whom:
	// nothing that came from them is changed or pruned.
	Unreadable []string
	// Silent are the paths, sorted, that describe nobody where they may have
	// described somebody: nothing that came from exactly them is pruned.
	Silent []string
	// Problems are those of all files, sorted.
	Problems []schema.Problem
}
