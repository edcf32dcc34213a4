package serving

import (
	"fmt"
	"strconv"

	"github.com/sluice-dev/sluice/schema"
)

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

// result gives the spec if nothing is wrong with it.
func (c *check) result(s schema.Spec) (schema.Spec, []schema.Problem) {
	if schema.HasErrors(c.problems) {
		return nil, c.problems
	}
	return s, c.problems
}

// index is the path of an item.
func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// between refuses a number out of its range.
func (c *check) between(path string, n *int64, low, high int64) {
	if n != nil && (*n < low || *n > high) {
		c.errorf(path, "want %d to %d, got %d", low, high, *n)
	}
}
