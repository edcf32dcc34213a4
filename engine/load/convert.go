package load

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// toJSON writes a node tree as JSON, keys sorted, so that documents that say
// the same are the same bytes. It gives what sigs.k8s.io/yaml gives, but that
// it refuses what a manifest never means: keys that are no strings, duplicate
// keys, custom tags.
func toJSON(n *yaml.Node, b *budget) ([]byte, []syntaxError) {
	c := converter{out: make([]byte, 0, 1024), budget: b}
	c.value(n, 0)
	b.bytes += len(c.out)
	return c.out, c.problems
}

// budget is what the documents of one file have spent together.
type budget struct {
	// line is added to a chunk's lines to make them the file's.
	line         int
	nodes, bytes int
}

type converter struct {
	*budget
	out      []byte
	problems []syntaxError
	// spent ends the walk: a limit is passed, and that has been said.
	spent bool
}

func (c *converter) problem(n *yaml.Node, format string, args ...any) {
	c.problems = append(c.problems, syntaxError{n.Line, n.Column, fmt.Sprintf(format, args...)})
}

// stop notes that a limit is passed and ends the walk.
func (c *converter) stop(n *yaml.Node, text string) {
	c.problem(n, "%s", text)
	c.spent = true
}

func (c *converter) value(n *yaml.Node, depth int) {
	n = resolveAlias(n)
	c.nodes++
	switch {
	case c.spent:
		return
	case depth > MaxDepth:
		c.stop(n, tooDeep())
		return
	case c.nodes > MaxNodes:
		c.stop(n, fmt.Sprintf("the file holds more than %d values once its aliases are expanded", MaxNodes))
		return
	case c.bytes+len(c.out) > MaxJSON:
		c.stop(n, fmt.Sprintf("the file is larger than %d bytes once its aliases are expanded", MaxJSON))
		return
	}
	switch n.Kind {
	case yaml.MappingNode:
		c.mapping(n, depth)
	case yaml.SequenceNode:
		c.sequence(n, depth)
	case yaml.ScalarNode:
		c.scalar(n)
	default:
		c.problem(n, "this is not YAML that a manifest may hold")
	}
}

func (c *converter) sequence(n *yaml.Node, depth int) {
	if n.Style&yaml.TaggedStyle != 0 && n.ShortTag() != "!!seq" {
		c.tag(n)
	}
	c.out = append(c.out, '[')
	for i, item := range n.Content {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		c.value(item, depth+1)
	}
	c.out = append(c.out, ']')
}

func (c *converter) mapping(n *yaml.Node, depth int) {
	if n.Style&yaml.TaggedStyle != 0 && n.ShortTag() != "!!map" {
		c.tag(n)
	}
	pairs := c.pairs(n)
	slices.SortStableFunc(pairs, func(a, b pair) int { return strings.Compare(a.key.Value, b.key.Value) })
	c.out = append(c.out, '{')
	for i, p := range pairs {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		c.out = appendString(c.out, p.key.Value)
		c.out = append(c.out, ':')
		c.value(p.value, depth+1)
	}
	c.out = append(c.out, '}')
}

// pair is a key of a mapping and its value.
type pair struct{ key, value *yaml.Node }

// pairs lists what a mapping holds, its own keys before those merged in, and
// each key once.
func (c *converter) pairs(n *yaml.Node) []pair {
	own := make([]pair, 0, len(n.Content)/2)
	merges := 0
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := resolveAlias(n.Content[i])
		if isMerge(key) {
			merges++
			continue
		}
		if c.badKey(key, n.Content[i]) {
			continue
		}
		own = append(own, pair{key, n.Content[i+1]})
	}
	own = c.unique(own)
	if merges == 0 {
		return own
	}
	seen := make(map[string]bool, len(own))
	for _, p := range own {
		seen[p.key.Value] = true
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if isMerge(resolveAlias(n.Content[i])) {
			own = c.merge(own, seen, n.Content[i+1], 0)
		}
	}
	return own
}

// merge adds the keys of a merged mapping, or of a list of them, that are not
// there yet.
func (c *converter) merge(into []pair, seen map[string]bool, from *yaml.Node, depth int) []pair {
	from = resolveAlias(from)
	if c.nodes++; c.spent || c.nodes > MaxNodes || depth > MaxDepth {
		if !c.spent {
			c.stop(from, "the document merges too much into itself")
		}
		return into
	}
	if from.Kind == yaml.SequenceNode && depth == 0 {
		for _, item := range from.Content {
			into = c.merge(into, seen, item, 1)
		}
		return into
	}
	if from.Kind != yaml.MappingNode {
		c.problem(from, "`<<` merges a map or a list of maps")
		return into
	}
	for i := 0; i+1 < len(from.Content); i += 2 {
		key := resolveAlias(from.Content[i])
		if c.nodes++; isMerge(key) || c.badKey(key, from.Content[i]) || seen[key.Value] {
			continue
		}
		seen[key.Value] = true
		into = append(into, pair{key, from.Content[i+1]})
	}
	for i := 0; i+1 < len(from.Content); i += 2 {
		if isMerge(resolveAlias(from.Content[i])) {
			into = c.merge(into, seen, from.Content[i+1], depth+1)
		}
	}
	return into
}

// unique refuses keys that stand twice; the first stays.
func (c *converter) unique(pairs []pair) []pair {
	if len(pairs) < 12 {
		for i := 1; i < len(pairs); i++ {
			for _, p := range pairs[:i] {
				if p.key.Value == pairs[i].key.Value {
					c.duplicate(pairs[i].key, p.key)
					break
				}
			}
		}
		return pairs
	}
	seen := make(map[string]*yaml.Node, len(pairs))
	for _, p := range pairs {
		if first := seen[p.key.Value]; first != nil {
			c.duplicate(p.key, first)
			continue
		}
		seen[p.key.Value] = p.key
	}
	return pairs
}

func (c *converter) duplicate(key, first *yaml.Node) {
	// A hostile document may bring a hundred thousand; ten are enough.
	if len(c.problems) < 10 {
		c.problems = append(c.problems, syntaxError{key.Line, key.Column,
			fmt.Sprintf("the key %s stands twice, first on line %d: keep one of them", quote(key.Value), first.Line+c.line)})
	}
}

// badKey refuses keys that are no strings.
func (c *converter) badKey(key, at *yaml.Node) bool {
	switch {
	case key.Kind != yaml.ScalarNode:
		c.problem(at, "a key is a word, not a list or a map; a template such as {{ }} has to be filled in first, or its file listed under `ignore:` in sluice.yaml")
	case isString(key):
		return false
	case key.Value == "":
		c.problem(at, "a key is missing before the colon")
	default:
		c.problem(at, "the key %s is not a string in YAML: put it in quotes", key.Value)
	}
	return true
}

func (c *converter) tag(n *yaml.Node) {
	c.problem(n, "the tag %s is not read in manifests: leave it out", n.Tag)
}

func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Value == "<<" && key.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0
}

// resolveAlias gives the node that an alias stands for.
func resolveAlias(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

// quote writes a key for a text; a long one is cut.
func quote(s string) string {
	return strconv.Quote(short(s))
}

// appendString writes a JSON string.
func appendString(out []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == '"' || s[i] == '\\' || s[i] >= 0x7f {
			b, err := json.Marshal(s)
			if err != nil {
				panic(fmt.Sprintf("load: a string is always JSON: %v", err))
			}
			return append(out, b...)
		}
	}
	return append(append(append(out, '"'), s...), '"')
}
