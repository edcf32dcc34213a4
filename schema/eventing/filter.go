package eventing

import (
	"maps"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/schema/contract"
)

// filter is one of a Trigger's or Subscription's filters: a dialect and what
// it says.
type filter struct {
	Exact  map[string]string `json:"exact,omitempty"`
	Prefix map[string]string `json:"prefix,omitempty"`
	Suffix map[string]string `json:"suffix,omitempty"`
	All    []filter          `json:"all,omitempty"`
	Any    []filter          `json:"any,omitempty"`
	Not    *filter           `json:"not,omitempty"`
	CESQL  string            `json:"cesql,omitempty"`
}

// maxFilterDepth bounds how deep filters may stand in one another.
const maxFilterDepth = 20

// filters is the conjunction of a list; nil for none.
func (c *check) filters(path string, list []filter) *contract.Filter {
	all := c.filterList(path, list, 0)
	switch len(all) {
	case 0:
		return nil
	case 1:
		return &all[0]
	}
	return &contract.Filter{All: all}
}

func (c *check) filterList(path string, list []filter, depth int) []contract.Filter {
	var out []contract.Filter
	for i, f := range list {
		out = append(out, c.filter(index(path, i), f, depth))
	}
	return out
}

func (c *check) filter(path string, f filter, depth int) contract.Filter {
	if depth > maxFilterDepth {
		c.errorf(path, "filters stand in one another more than %d deep", maxFilterDepth)
		return contract.Filter{}
	}
	c.oneDialect(path, f)
	out := contract.Filter{
		Exact: f.Exact, Prefix: f.Prefix, Suffix: f.Suffix, CESQL: f.CESQL,
		All: c.filterList(path+".all", f.All, depth+1), Any: c.filterList(path+".any", f.Any, depth+1),
	}
	if f.Not != nil {
		not := c.filter(path+".not", *f.Not, depth+1)
		out.Not = &not
	}
	if f.CESQL != "" {
		c.cesql(path+".cesql", f.CESQL)
	}
	c.attributes(path+".exact", f.Exact, true)
	c.attributes(path+".prefix", f.Prefix, false)
	c.attributes(path+".suffix", f.Suffix, false)
	return out
}

// oneDialect checks that a filter is of one dialect, and says something.
func (c *check) oneDialect(path string, f filter) {
	var set []string
	for _, d := range []struct {
		name string
		n    int
	}{
		{"exact", len(f.Exact)}, {"prefix", len(f.Prefix)}, {"suffix", len(f.Suffix)}, {"all", len(f.All)}, {"any", len(f.Any)}, {"cesql", len(f.CESQL)},
	} {
		if d.n > 0 {
			set = append(set, d.name)
		}
	}
	if f.Not != nil {
		set = append(set, "not")
	}
	switch {
	case len(set) == 0:
		c.errorf(path, "says nothing: write one of exact, prefix, suffix, all, any, not and cesql")
	case len(set) > 1:
		c.errorf(path, "is of one dialect, but has %s: write them as items of their own", strings.Join(set, " and "))
	}
}

// attributes checks names and values that are compared.
func (c *check) attributes(path string, m map[string]string, mayBeEmpty bool) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		at := path + "[" + name + "]"
		if !attribute.MatchString(name) {
			c.errorf(at, "%q is no attribute: their names are small letters and digits (for what stands in the data, use the annotation %sfilter)", short(name), optionPrefix)
		}
		if m[name] == "" && !mayBeEmpty {
			c.errorf(at, "every value begins and ends with nothing: write some text, or leave it out")
		}
	}
}
