package load

import (
	"fmt"
	"testing"
)

func TestParse_SaysWhereItIsNotYAML(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"a:\n  b: 1\n c: 2\n", "3:1 this is not YAML: did not find expected key (compare the indentation with the lines above)"},
		{"a: 1\n- b\n", "2:1 this is not YAML: did not find expected key (compare the indentation with the lines above)"},
		{"- a\nb: c\n", "2:1 this is not YAML: did not find expected '-' indicator (compare the indentation with the lines above)"},
		{"a: 1\nb: [1, 2\nc: 3\n", "2:1 this is not YAML: did not find expected ',' or ']' (a bracket that is opened here is not closed)"},
		{"a: 1\nb: 'x\nc: 3\n", "2:1 this is not YAML: found unexpected end of stream (a quote that is opened here is not closed)"},
		{"a: 1\nb: c: d\n", "2:1 this is not YAML: mapping values are not allowed in this context (a value that holds a colon and a blank stands in quotes; or the indentation is wrong)"},
		{"a: 1\nb: @x\n", "2:1 this is not YAML: found character that cannot start any token (put the value in quotes)"},
		{"a: 1\nb\nc: 2\n", "2:1 this is not YAML: could not find expected ':'"},
		{"a: 1\n}\n", "2:1 this is not YAML: did not find expected key (compare the indentation with the lines above)"},
		{"a: 1\nb: *c\n", "2:4 there is no anchor &c before the alias *c in this document; if a text is meant, put it in quotes"},
		{"a:\n\tb: 1\n", "2:1 the line is indented with a tab, which YAML forbids: use spaces"},
		{"a:\n  b: 1\n \tc: 2\n", "3:2 the line is indented with a tab, which YAML forbids: use spaces"},
		{"{a: b}\n{c: d}\n", "2:1 this is not YAML: did not find expected <document start>"},
	} {
		root, bad := parse([]byte(c.text))
		if bad == nil {
			t.Errorf("%q: read as %v", c.text, root)
			continue
		}
		if got := fmt.Sprintf("%d:%d %s", bad.line, bad.column, bad.text); got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

func TestSplit_CutsWhereYAMLCuts(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string // line:text
	}{
		{"one document", "a: 1\n", []string{"1:a: 1\n"}},
		{"no line break at the end", "a: 1", []string{"1:a: 1"}},
		{"two", "a: 1\n---\nb: 2\n", []string{"1:a: 1\n", "2:---\nb: 2\n"}},
		{"a marker first", "---\na: 1\n", []string{"1:---\na: 1\n"}},
		{"comments before the marker belong to the document", "# c\n---\na: 1\n", []string{"1:# c\n---\na: 1\n"}},
		{"nothing between markers", "---\n---\n# c\n---\na: 1\n", []string{"4:---\na: 1\n"}},
		{"content on the marker's line", "--- {a: 1}\n--- b\n", []string{"1:--- {a: 1}\n", "2:--- b\n"}},
		{"an end marker", "a: 1\n...\nb: 2\n", []string{"1:a: 1\n...\n", "3:b: 2\n"}},
		{"directives belong to the document", "%YAML 1.1\n---\na: 1\n", []string{"1:%YAML 1.1\n---\na: 1\n"}},
		{"dashes within a block are text", "a: |\n  ---\n  b\n", []string{"1:a: |\n  ---\n  b\n"}},
		{"more than three dashes are text", "a: 1\n----\n", []string{"1:a: 1\n----\n"}},
		{"carriage returns", "a: 1\r\n---\r\nb: 2\r\n", []string{"1:a: 1\r\n", "2:---\r\nb: 2\r\n"}},
		{"nothing", "# c\n\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, chunk := range split([]byte(c.text)) {
				got = append(got, fmt.Sprintf("%d:%s", chunk.line, chunk.text))
			}
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
