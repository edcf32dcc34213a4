package building

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/sluice-dev/sluice/schema"
)

// check gathers the problems of one document, or of the part of it that
// stands at a place.
type check struct {
	doc      schema.Document
	at       string
	problems []schema.Problem
}

func (c *check) errorf(path, format string, args ...any) {
	c.problems = append(c.problems, c.doc.Problem(c.join(path), fmt.Sprintf(format, args...)))
}

func (c *check) warnf(path, format string, args ...any) {
	c.problems = append(c.problems, c.doc.Warning(c.join(path), fmt.Sprintf(format, args...)))
}

// join is the whole path of a field of the part.
func (c *check) join(path string) string {
	if c.at == "" || path == "" {
		return c.at + path
	}
	return c.at + "." + path
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// short is a value fit for a message.
func short(s string) string {
	if len(s) > 60 {
		return s[:60] + "..."
	}
	return s
}

// label checks a name that becomes part of a container's or volume's.
func (c *check) label(path, name string) bool {
	if len(validation.IsDNS1123Label(name)) > 0 {
		c.errorf(path, "%q is no DNS-1123 label: use lower-case letters, digits and dashes, at most 63 characters", short(name))
		return false
	}
	return true
}

// folder checks a path that must stay below where it begins, and cleans it.
func (c *check) folder(at, p string) string {
	clean := path.Clean(p)
	switch {
	case p == "":
		return ""
	case strings.HasPrefix(p, "/"):
		c.errorf(at, "want a path below the source, without a slash before it, got %q", short(p))
	case clean == ".." || strings.HasPrefix(clean, "../"):
		c.errorf(at, "%q leads out of the source: want a path below it", short(p))
	case clean == ".":
		return ""
	}
	return clean
}
