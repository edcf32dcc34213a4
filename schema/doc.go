// Package schema holds the words every room shares: what a document is, who
// it is about, and what is wrong with it.
//
// # In
//
// One YAML document of the repository, as a [Document].
//
// # Out
//
// A [Spec]: the document decoded, defaulted and validated by its [Kind]; and
// [Problem] values for what its author has to mend.
//
// # Reads
//
// Start with document.go, then kind.go and problem.go. The room knows no kind
// by name; the groups below it (serving, building, eventing) bring them, and
// schema/catalog lists them.
package schema
