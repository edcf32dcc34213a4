package load

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// locate finds the line and column, within the chunk, of a field path such as
// `spec.containers[0].image` or `metadata.labels[app.kubernetes.io/name]`:
// of the key for what a map holds, of the item for what a list holds. Where
// the path ends early, so does the search.
func locate(root *yaml.Node, path string) (line, column int) {
	at := root
	node := resolveAlias(root)
	for path != "" {
		step, rest := cutPath(path)
		key, value := stepTo(node, step)
		if value == nil {
			break
		}
		at, node, path = key, resolveAlias(value), rest
	}
	return at.Line, at.Column
}

// stepTo goes one step down: the key of a map, the item of a list.
func stepTo(n *yaml.Node, step string) (at, value *yaml.Node) {
	if n.Kind == yaml.SequenceNode {
		i, err := strconv.Atoi(step)
		if err != nil || i < 0 || i >= len(n.Content) {
			return nil, nil
		}
		return n.Content[i], n.Content[i]
	}
	return find(n, step, 0)
}

// find gives the key and the value that a map holds under a name, merged maps
// included.
func find(n *yaml.Node, name string, depth int) (key, value *yaml.Node) {
	if n.Kind != yaml.MappingNode || depth > 10 {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := resolveAlias(n.Content[i]); k.Kind == yaml.ScalarNode && k.Value == name {
			return n.Content[i], n.Content[i+1]
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !isMerge(n.Content[i]) {
			continue
		}
		from := resolveAlias(n.Content[i+1])
		sources := []*yaml.Node{from}
		if from.Kind == yaml.SequenceNode {
			sources = from.Content[:min(len(from.Content), 100)]
		}
		for _, s := range sources {
			if k, v := find(resolveAlias(s), name, depth+1); k != nil {
				return k, v
			}
		}
	}
	return nil, nil
}

// cutPath takes the first step off a path.
func cutPath(path string) (step, rest string) {
	path = strings.TrimPrefix(path, ".")
	if inner, ok := strings.CutPrefix(path, "["); ok {
		step, rest, _ = strings.Cut(inner, "]")
		return step, rest
	}
	if i := strings.IndexAny(path, ".["); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}
