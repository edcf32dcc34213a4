package diff

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Change is one field that differs.
type Change struct {
	// Path as in `spec.template.spec.containers[name=app].image`.
	Path string `json:"path"`
	// From is the live value, To the desired one, as JSON; From is empty where
	// the field is missing. Values under secrets are masked by the caller.
	From string `json:"from,omitempty"`
	To   string `json:"to"`
}

// String reads `path: from -> to`.
func (c Change) String() string {
	from := c.From
	if from == "" {
		from = "(none)"
	}
	return fmt.Sprintf("%s: %s -> %s", c.Path, from, cmp.Or(c.To, "(none)"))
}

// Subset lists where live does not have what desired names. Values that the
// API server writes in another form (quantities, 80 and 80.0) are equal; lists
// of objects are compared by their merge key where they have one.
func Subset(desired, live any) []Change {
	var out []Change
	subset("", desired, live, &out)
	return out
}

// JSON is Subset on encoded objects.
func JSON(desired, live []byte) ([]Change, error) {
	var d, l any
	if err := json.Unmarshal(desired, &d); err != nil {
		return nil, fmt.Errorf("desired object: %w", err)
	}
	if err := json.Unmarshal(live, &l); err != nil {
		return nil, fmt.Errorf("live object: %w", err)
	}
	return Subset(d, l), nil
}

func subset(path string, desired, live any, out *[]Change) {
	switch d := desired.(type) {
	case map[string]any:
		l, ok := live.(map[string]any)
		if !ok {
			if len(d) > 0 || live != nil {
				add(path, desired, live, out)
			}
			return
		}
		for _, k := range slices.Sorted(maps.Keys(d)) {
			subset(join(path, k), d[k], l[k], out)
		}
	case []any:
		l, ok := live.([]any)
		if !ok {
			if len(d) > 0 || live != nil {
				add(path, desired, live, out)
			}
			return
		}
		list(path, d, l, out)
	default:
		if !equal(desired, live) {
			add(path, desired, live, out)
		}
	}
}

// mergeKeys are the keys by which Kubernetes merges lists of objects, the
// likeliest first (structured-merge-diff's x-kubernetes-list-map-keys).
var mergeKeys = []string{"name", "mountPath", "containerPort", "port", "key", "ip", "topologyKey"}

func list(path string, desired, live []any, out *[]Change) {
	if key := listKey(desired); key != "" && listKey(live) == key {
		byKey := make(map[string]any, len(live))
		for _, item := range live {
			byKey[keyOf(item, key)] = item
		}
		for _, item := range desired {
			k := keyOf(item, key)
			subset(path+"["+key+"="+k+"]", item, byKey[k], out)
		}
		return
	}
	if len(desired) != len(live) {
		add(path, desired, live, out)
		return
	}
	for i := range desired {
		subset(path+"["+strconv.Itoa(i)+"]", desired[i], live[i], out)
	}
}

// listKey is the first merge key that every item has once; empty for lists
// that are replaced as a whole.
func listKey(items []any) string {
	if len(items) == 0 {
		return ""
	}
	for _, key := range mergeKeys {
		if hasKey(items, key) {
			return key
		}
	}
	return ""
}

func hasKey(items []any, key string) bool {
	seen := make(map[string]bool, len(items))
	for _, item := range items {
		m, ok := item.(map[string]any)
		if !ok {
			return false
		}
		if _, ok := m[key]; !ok {
			return false
		}
		k := keyOf(item, key)
		if seen[k] {
			return false
		}
		seen[k] = true
	}
	return true
}

func keyOf(item any, key string) string {
	m, _ := item.(map[string]any)
	return text(m[key])
}

// equal compares scalars as the API server would after normalising them.
func equal(desired, live any) bool {
	switch d := desired.(type) {
	case nil:
		return live == nil
	case bool:
		l, ok := live.(bool)
		return ok && l == d || !ok && live == nil && !d
	case float64:
		if l, ok := live.(float64); ok {
			return d == l
		}
		return live == nil && d == 0
	case string:
		l, ok := live.(string)
		if !ok {
			return live == nil && d == ""
		}
		return d == l || sameQuantity(d, l)
	}
	return false
}

func sameQuantity(a, b string) bool {
	if !looksNumeric(a) || !looksNumeric(b) {
		return false
	}
	qa, err := resource.ParseQuantity(a)
	if err != nil {
		return false
	}
	qb, err := resource.ParseQuantity(b)
	return err == nil && qa.Cmp(qb) == 0
}

func looksNumeric(s string) bool { return s != "" && strings.IndexByte("0123456789.+-", s[0]) >= 0 }

func add(path string, desired, live any, out *[]Change) {
	c := Change{Path: path, To: text(desired)}
	if live != nil {
		c.From = text(live)
	}
	*out = append(*out, c)
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

func join(path, key string) string {
	if strings.ContainsAny(key, "./[") {
		return path + "[" + strconv.Quote(key) + "]"
	}
	return path + cmp.Or(strings.Repeat(".", min(len(path), 1)), "") + key
}
