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
	said, line := err.Error(), 1
	if m := lineOf.FindStringSubmatch(said); m != nil {
		said = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n + late(said)
		}
	}
	if name, ok := strings.CutPrefix(said, "unknown anchor '"); ok {
		name, _, _ = strings.Cut(name, "'")
		return aliasOf(text, name)
	}
	if strings.Contains(said, "exceeded max depth") {
		return &syntaxError{line, 1, tooDeep()}
	}
	if at, column := tabIndent(text); at > 0 {
		return &syntaxError{at, column, "the line is indented with a tab, which YAML forbids: use spaces"}
	}
	return &syntaxError{line, 1, "this is not YAML: " + said + hint(said)}
}

// late is what to add to the line of an error: the parser counts from 0 where
// its scanner counts from 1.
func late(said string) int {
	for _, own := range []string{"key", "'-' indicator", "',' or ']'", "',' or '}'", "node content", "<document start>"} {
		if said == "did not find expected "+own {
			return 1
		}
	}
	return 0
}

// hint says what is mostly the matter when the parser says that.
func hint(said string) string {
	switch {
	case strings.HasPrefix(said, "mapping values are not allowed"):
		return " (a value that holds a colon and a blank stands in quotes; or the indentation is wrong)"
	case strings.HasPrefix(said, "found character that cannot start"):
		return " (put the value in quotes)"
	case strings.HasPrefix(said, "found unexpected end of stream"):
		return " (a quote that is opened here is not closed)"
	case strings.HasPrefix(said, "did not find expected key"), strings.HasPrefix(said, "did not find expected '-'"):
		return " (compare the indentation with the lines above)"
	case strings.HasPrefix(said, "did not find expected ','"):
		return " (a bracket that is opened here is not closed)"
	}
	return ""
}

// aliasOf finds the alias of an anchor that is not there.
func aliasOf(text []byte, name string) *syntaxError {
	e := &syntaxError{1, 1, "there is no anchor &" + short(name) + " before the alias *" + short(name) + " in this document; if a text is meant, put it in quotes"}
	line := 0
	for l := range bytes.Lines(text) {
		line++
		if i := bytes.Index(l, []byte("*"+name)); i >= 0 {
			e.line, e.column = line, i+1
			break
		}
	}
	return e
}

// short cuts what a text repeats.
func short(s string) string {
	if len(s) > 63 {
		return s[:60] + "..."
	}
	return s
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
