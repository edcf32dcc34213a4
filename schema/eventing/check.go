package eventing

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
	"github.com/sluice-dev/sluice/schema/strict"
)

// object is what every document begins with.
type object struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Status            json.RawMessage `json:"status,omitempty"`
}

// spec is a document that has become nouns. They are shared and only read.
type spec struct {
	id    schema.Identity
	nouns desired.Nouns
}

var _ desired.Source = (*spec)(nil)

// Identity names the spec.
func (s *spec) Identity() schema.Identity { return s.id }

// Desire gives the nouns.
func (s *spec) Desire() desired.Nouns { return s.nouns }

// check gathers the problems of one document.
type check struct {
	doc      schema.Document
	problems []schema.Problem
}

func (c *check) errorf(path, format string, args ...any) {
	c.problems = append(c.problems, c.doc.Problem(path, fmt.Sprintf(format, args...)))
}

func (c *check) warnf(path, format string, args ...any) {
	c.problems = append(c.problems, c.doc.Warning(path, fmt.Sprintf(format, args...)))
}

// decode reads a document into a wire type and has it lowered: the nouns count
// if nothing is wrong.
func decode[T any](doc schema.Document, lower func(*check, *T) desired.Nouns) (schema.Spec, []schema.Problem) {
	var w T
	if problems := strict.Decode(doc, &w); len(problems) > 0 {
		return nil, problems
	}
	c := &check{doc: doc}
	nouns := lower(c, &w)
	if schema.HasErrors(c.problems) {
		return nil, c.problems
	}
	return &spec{id: doc.Identity, nouns: nouns}, c.problems
}

// ref is the document's own name.
func (c *check) ref() contract.Ref {
	return contract.Ref{Namespace: c.doc.Identity.Namespace, Name: c.doc.Identity.Name}
}

// namespace is the document's own, or the one that is written.
func (c *check) namespace(written string) string {
	if written != "" {
		return written
	}
	return c.doc.Identity.Namespace
}

// place remembers where a field stands.
func (c *check) place(path string) desired.Place {
	p := desired.Place{Path: path}
	if c.doc.Locate != nil {
		p.Line, p.Column = c.doc.Locate(path)
	}
	return p
}

// reference names another spec, and where it is named.
func (c *check) reference(path, group, kind, namespace, name string) desired.Reference {
	return desired.Reference{
		Identity: schema.Identity{Group: group, Kind: kind, Namespace: namespace, Name: name},
		Place:    c.place(path),
	}
}

// required refuses an empty field; instead says what to write.
func (c *check) required(path, value, instead string) bool {
	if value == "" {
		c.errorf(path, "%s is missing: %s", last(path), instead)
	}
	return value != ""
}

// oneOf refuses a word that is not listed; an empty one is fine.
func (c *check) oneOf(path, value string, words ...string) {
	if value == "" {
		return
	}
	for _, w := range words {
		if w == value {
			return
		}
	}
	hint := ""
	if near, ok := schema.Nearest(value, words); ok {
		hint = ": did you mean " + near + "?"
	}
	c.errorf(path, "want %s, got %q%s", either(words), short(value), hint)
}

// inert warns of a field that is accepted but not acted on.
func (c *check) inert(path string, set bool, why string) {
	if set {
		c.warnf(path, "is accepted but not acted on: %s", why)
	}
}

// either lists words as a sentence does.
func either(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// last is the name of the field at the end of a path.
func last(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// index is the path of an item.
func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// short cuts what a text repeats of a value.
func short(s string) string {
	if len(s) > 60 {
		return s[:57] + "..."
	}
	return s
}
