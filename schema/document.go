package schema

// Document is one YAML document of one file, parsed but not yet understood.
type Document struct {
	// File is the path in the repository, with forward slashes.
	File string
	// Index counts the documents of the file from 0.
	Index int
	// APIVersion and Kind are as written.
	APIVersion, Kind string
	// Identity has Namespace `default` where a namespaced document names none.
	Identity Identity
	// JSON is the document as JSON. Duplicate keys, aliases beyond limits and
	// other YAML trouble have been refused before.
	JSON []byte
	// Locate gives the line and column, from 1, of a field path such as
	// `spec.template.spec.containers[0].image`; for a path that is not there,
	// of its nearest ancestor that is.
	Locate func(path string) (line, column int)
}

// Problem makes a Problem of this document at the given field path.
func (d Document) Problem(path, text string) Problem {
	p := Problem{File: d.File, Path: path, Text: text, Identity: d.Identity}
	if d.Locate != nil {
		p.Line, p.Column = d.Locate(path)
	}
	return p
}

// Warning makes a Problem that stops nothing.
func (d Document) Warning(path, text string) Problem {
	p := d.Problem(path, text)
	p.Severity = Warning
	return p
}
