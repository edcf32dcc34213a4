package load

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/sluice-dev/sluice/schema"
)

// chunk reads one chunk of the file: one document, or a List of them.
func (r *reader) chunk(c chunk) {
	r.budget.line = c.line - 1
	root, bad := parse(c.text)
	if bad != nil {
		r.unreadable(bad.line+r.budget.line, bad.column, bad.text)
		return
	}
	if root != nil {
		r.document(root, 0)
	}
}

// document reads one document: whose it is, then what it says.
func (r *reader) document(root *yaml.Node, depth int) {
	node := resolveAlias(root)
	if isNull(node) {
		return
	}
	h, ok := r.header(root, node)
	if !ok {
		return
	}
	if h.apiVersion == "v1" && h.kind == "List" {
		r.list(root, node, depth)
		return
	}
	kind, miss := r.kinds.Find(h.apiVersion, h.kind)
	known := miss.Field == ""
	id, named := r.meta(root, node, h, kind)
	at := place{root: root, id: id, unsure: !named || !known && !miss.Named}
	if !known {
		r.problemAt(at, miss.Field, miss.Text)
	}
	r.index++
	json, bad := toJSON(node, &r.budget)
	// A key that stands twice may be the one that names.
	r.part.Unreadable = r.part.Unreadable || len(bad) > 0
	for _, b := range bad {
		r.part.Problems = append(r.part.Problems, schema.Problem{File: r.file.Path, Line: b.line + r.budget.line, Column: b.column, Text: b.text, Identity: id})
	}
	r.entry(at, h, kind, json, len(bad) == 0 && known)
}

// place is where a document stands and whose it is.
type place struct {
	root *yaml.Node
	id   schema.Identity
	// unsure documents leave open who is described.
	unsure bool
}

// entry decodes a document that is fine so far and notes what came of it.
func (r *reader) entry(at place, h header, kind schema.Kind, json []byte, fine bool) {
	if at.unsure {
		r.part.Unreadable = true
		return
	}
	e := Entry{Identity: at.id, File: r.file.Path, Line: at.root.Line + r.budget.line, Column: at.root.Column}
	if fine && !r.held {
		offset := r.budget.line
		spec, problems := kind.Decode(schema.Document{
			File: r.file.Path, Index: r.index - 1, APIVersion: h.apiVersion, Kind: h.kind, Identity: at.id, JSON: json,
			Locate: func(path string) (int, int) {
				line, column := locate(at.root, path)
				return line + offset, column
			},
		})
		r.part.Problems = append(r.part.Problems, problems...)
		if schema.HasErrors(problems) {
			// What no table lists may be a misspelt kind that was known before.
			r.part.Unreadable = r.part.Unreadable || kind.Kind == schema.Any
		} else {
			e.Spec, e.Identity = spec, spec.Identity()
		}
	}
	r.part.Entries = append(r.part.Entries, e)
}

// list reads each item of a List as a document.
func (r *reader) list(root, node *yaml.Node, depth int) {
	_, items := find(node, "items", 0)
	if items == nil {
		return
	}
	items = resolveAlias(items)
	if items.Kind != yaml.SequenceNode || depth > 2 {
		r.unreadable(root.Line+r.budget.line, root.Column, "the items of a List are a list of manifests, no List among them")
		return
	}
	for _, item := range items.Content {
		if r.index > MaxDocuments {
			r.unreadable(root.Line+r.budget.line, root.Column, fmt.Sprintf("the file holds more than %d documents: split it", MaxDocuments))
			return
		}
		r.document(item, depth+1)
	}
}

// header is what every manifest begins with.
type header struct{ apiVersion, kind string }

// header reads apiVersion and kind. Where that fails it has said why.
func (r *reader) header(root, node *yaml.Node) (h header, ok bool) {
	line, column := root.Line+r.budget.line, root.Column
	_, version := find(node, "apiVersion", 0)
	_, kind := find(node, "kind", 0)
	if version == nil && kind == nil {
		r.part.Silent = true
		if !r.file.isJSON() {
			r.warn(line, column, "this is no manifest: it has neither apiVersion nor kind. To leave the file out, list it under `ignore:` in sluice.yaml")
		}
		return h, false
	}
	if r.file.isJSON() && version == nil {
		r.part.Silent = true
		return h, false
	}
	if h.apiVersion, ok = word(version); !ok {
		r.unreadable(line, column, "apiVersion is missing: write the group and version of the kind, as in `apiVersion: serving.knative.dev/v1`")
		return h, false
	}
	if h.kind, ok = word(kind); !ok {
		r.unreadable(line, column, "kind is missing: write what the document describes, as in `kind: Service`")
		return h, false
	}
	return h, true
}

// problemAt notes an error of a document at one of its fields.
func (r *reader) problemAt(at place, path, text string) {
	line, column := locate(at.root, path)
	r.part.Problems = append(r.part.Problems, schema.Problem{
		File: r.file.Path, Line: line + r.budget.line, Column: column, Path: path, Text: text, Identity: at.id,
	})
}

// word reads a scalar that is a string and not empty.
func word(n *yaml.Node) (string, bool) {
	if n == nil {
		return "", false
	}
	n = resolveAlias(n)
	if n.Kind != yaml.ScalarNode || !isString(n) || n.Value == "" {
		return "", false
	}
	return n.Value, true
}

// isNull reports whether a document says nothing.
func isNull(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Style&quoted != 0 {
		return false
	}
	kind, _ := resolve(n.Value)
	return kind == "!!null"
}
