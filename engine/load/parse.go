package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// syntaxError says what is wrong in a chunk, at a line and column of it.
type syntaxError struct {
	line, column int
	text         string
}

// parse reads a chunk as the one document that it is.
func parse(text []byte) (root *yaml.Node, bad *syntaxError) {
	defer func() {
		// The parser gives up with a panic on input that its authors did not
		// foresee; the input is foreign, so that is no bug of ours.
		if recover() != nil {
			root, bad = nil, &syntaxError{1, 1, "this is not YAML"}
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, explain(text, err)
	}
	var more yaml.Node
	switch err := dec.Decode(&more); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, explain(text, err)
	default:
		return nil, &syntaxError{more.Line, more.Column, "a second document begins here: put a line `---` before it"}
	}
	if len(doc.Content) != 1 {
		return nil, nil
	}
	return doc.Content[0], nil
}

var lineOf = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// explain puts the parser's words into ours, with a place.
func explain(text []byte, err error) *syntaxError {
	e := &syntaxError{line: 1, column: 1, text: "this is not YAML: " + err.Error()}
	if m := lineOf.FindStringSubmatch(err.Error()); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			e.line = n
		}
		e.text = "this is not YAML: " + m[2]
	}
	switch {
	case strings.Contains(e.text, "exceeded max depth"):
		e.text = tooDeep()
	case strings.Contains(e.text, "unknown anchor"):
		e.text += ": an anchor (&name) stands before its aliases (*name), in the same document"
	default:
		if line, column := tabIndent(text); line > 0 {
			return &syntaxError{line, column, "the line is indented with a tab, which YAML forbids: use spaces"}
		}
	}
	return e
}

// tabIndent finds the first line whose indentation holds a tab.
func tabIndent(text []byte) (line, column int) {
	for l := range bytes.Lines(text) {
		line++
		indent := l[:len(l)-len(bytes.TrimLeft(l, " \t"))]
		if i := bytes.IndexByte(indent, '\t'); i >= 0 && !isBlank(l) {
			return line, i + 1
		}
	}
	return 0, 0
}

func tooDeep() string {
	return fmt.Sprintf("the document is nested more than %d deep", MaxDepth)
}
