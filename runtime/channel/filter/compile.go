package filter

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/expression"
)

// Compile compiles a filter; nil gives nil.
func Compile(f *contract.Filter) (*Filter, error) {
	if f == nil {
		return nil, nil
	}
	root, err := compile(f)
	if err != nil {
		return nil, err
	}
	return &Filter{root: root}, nil
}

// compile gives one node for everything that f asks, cheapest first.
func compile(f *contract.Filter) (node, error) {
	var out all
	var ts tests
	ts = appendTests(ts, f.Exact, equal)
	ts = appendTests(ts, f.Prefix, hasPrefix)
	ts = appendTests(ts, f.Suffix, hasSuffix)
	if len(ts) > 0 {
		out = append(out, ts)
	}
	for i := range f.All {
		n, err := compile(&f.All[i])
		if err != nil {
			return nil, err
		}
		out = join(out, n)
	}
	if f.Any != nil {
		n, err := compileAny(f.Any)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	if f.Not != nil {
		n, err := compile(f.Not)
		if err != nil {
			return nil, err
		}
		out = append(out, not{n})
	}
	out, err := appendExpressions(out, f)
	if len(out) == 1 {
		return out[0], err
	}
	return out, err
}

// join adds a node to those that have to hold, in the same list where it is one.
func join(list all, n node) all {
	if inner, ok := n.(all); ok {
		return append(list, inner...)
	}
	ts, ok := n.(tests)
	if last := len(list) - 1; ok && last >= 0 {
		if before, ok := list[last].(tests); ok {
			list[last] = append(before, ts...)
			return list
		}
	}
	return append(list, n)
}

func compileAny(list []contract.Filter) (node, error) {
	out := make(anyOf, 0, len(list))
	for i := range list {
		n, err := compile(&list[i])
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

func appendExpressions(out all, f *contract.Filter) (all, error) {
	if f.CESQL != "" {
		e, err := expression.CESQL(f.CESQL)
		if err != nil {
			return nil, fmt.Errorf("cesql %q: %w", f.CESQL, err)
		}
		out = append(out, &cesqlNode{text: f.CESQL, expression: e})
	}
	if f.CEL != "" {
		p, err := expression.Condition(f.CEL)
		if err != nil {
			return nil, fmt.Errorf("cel %q: %w", f.CEL, err)
		}
		out = append(out, &celNode{text: f.CEL, program: p})
	}
	return out, nil
}

func appendTests(ts tests, want map[string]string, how func(have, want string) bool) tests {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		ts = append(ts, test{name: name, value: want[name], how: how})
	}
	return ts
}
