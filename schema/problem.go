package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity says what a [Problem] stops.
type Severity int

const (
	// Error stops what the document describes: nothing of it is applied, and
	// nothing that it described before is changed or pruned.
	Error Severity = iota
	// Warning stops nothing: a field that is accepted but not acted on.
	Warning
)

// String is the word printed before the text.
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// MarshalText makes severities readable in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Severity) UnmarshalText(text []byte) error {
	switch string(text) {
	case "error":
		*s = Error
	case "warning":
		*s = Warning
	default:
		return fmt.Errorf("severity %q: want error or warning", text)
	}
	return nil
}

// Problem is one thing that the author of a document has to know: where it
// stands, what is wrong, and what to write instead. The text never repeats a
// value that could be secret.
type Problem struct {
	// File is the path in the repository, with forward slashes.
	File string `json:"file"`
	// Line and Column count from 1; 0 means the file as a whole.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Path is the field, as in `spec.traffic[0].percent`.
	Path string `json:"path,omitempty"`
	// Text says what is wrong and what to write instead.
	Text string `json:"text"`
	// Severity is Error unless said otherwise.
	Severity Severity `json:"severity"`
	// Identity is who the document describes, where that could be read.
	Identity Identity `json:"identity,omitzero"`
}

// String reads `file:line:column: path: text`, the form editors can jump to.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(FileName(p.File))
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, max(p.Column, 1))
	}
	b.WriteString(": ")
	if p.Severity == Warning {
		b.WriteString("warning: ")
	}
	if p.Path != "" {
		b.WriteString(p.Path)
		b.WriteString(": ")
	}
	b.WriteString(p.Text)
	return b.String()
}

// FileName writes a file name that holds control characters or is not UTF-8
// as a Go string, so that it cannot forge lines of output.
func FileName(name string) string {
	q := fmt.Sprintf("%q", name)
	if q == `"`+name+`"` {
		return name
	}
	return q
}

// Compare orders problems by file, line, column, path and text.
func (p Problem) Compare(o Problem) int {
	return cmp.Or(
		cmp.Compare(p.File, o.File),
		cmp.Compare(p.Line, o.Line),
		cmp.Compare(p.Column, o.Column),
		cmp.Compare(p.Path, o.Path),
		cmp.Compare(p.Text, o.Text),
	)
}

// HasErrors reports whether any of the problems is an Error.
func HasErrors(ps []Problem) bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return p.Severity == Error })
}
