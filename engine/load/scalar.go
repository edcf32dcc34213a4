package load

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// quoted are the styles in which a scalar is a string whatever it reads like.
const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

// scalar writes a plain value with the type that sigs.k8s.io/yaml, and so
// kubectl, sees in it: `yes` and `on` are booleans, a date is a string.
func (c *converter) scalar(n *yaml.Node) {
	if n.Style&yaml.TaggedStyle != 0 {
		c.tagged(n)
		return
	}
	if n.Style&quoted != 0 {
		c.out = appendString(c.out, n.Value)
		return
	}
	c.plain(n)
}

// tagged writes a scalar with a tag; only those that change nothing or make a
// string are read.
func (c *converter) tagged(n *yaml.Node) {
	switch n.ShortTag() {
	case "!!str":
		c.out = appendString(c.out, n.Value)
		return
	case "!!int", "!!float", "!!bool", "!!null":
		if kind, _ := resolve(n.Value); kind == n.ShortTag() || kind == "!!int" && n.ShortTag() == "!!float" {
			c.plain(n)
			return
		}
	}
	c.tag(n)
	c.out = append(c.out, "null"...)
}

func (c *converter) plain(n *yaml.Node) {
	kind, text := resolve(n.Value)
	switch {
	case kind == "!!str":
		c.out = appendString(c.out, text)
	case text == "":
		c.problem(n, "%s is no number that JSON knows: put it in quotes if a text is meant", n.Value)
		c.out = append(c.out, "null"...)
	default:
		c.out = append(c.out, text...)
	}
}

// isString reports whether a scalar is a string.
func isString(n *yaml.Node) bool {
	if n.Style&quoted != 0 && n.Style&yaml.TaggedStyle == 0 || n.ShortTag() == "!!str" && n.Style&yaml.TaggedStyle != 0 {
		return true
	}
	kind, _ := resolve(n.Value)
	return kind == "!!str" && n.Style&yaml.TaggedStyle == 0
}

// resolve gives the type of a plain scalar and its JSON text; for a string
// the string itself, for a number that JSON lacks nothing.
func resolve(in string) (kind, text string) {
	if in == "" {
		return "!!null", "null"
	}
	switch c := in[0]; {
	case c >= '0' && c <= '9' || c == '+' || c == '-':
		if kind, text, ok := number(in); ok {
			return kind, text
		}
	case c == '.':
		if f, err := strconv.ParseFloat(in, 64); err == nil {
			return "!!float", float(f)
		}
	}
	switch in {
	case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		return "!!bool", "true"
	case "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return "!!bool", "false"
	case "~", "null", "Null", "NULL":
		return "!!null", "null"
	case ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF":
		return "!!float", ""
	}
	return "!!str", in
}

var yamlFloat = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

// number reads what begins with a digit or a sign as YAML 1.1 does:
// underscores, 0x, 0b and octal included.
func number(in string) (kind, text string, ok bool) {
	plain := strings.ReplaceAll(in, "_", "")
	if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
		return "!!int", strconv.FormatInt(i, 10), true
	}
	if u, err := strconv.ParseUint(plain, 0, 64); err == nil {
		return "!!int", strconv.FormatUint(u, 10), true
	}
	if yamlFloat.MatchString(plain) {
		if f, err := strconv.ParseFloat(plain, 64); err == nil {
			return "!!float", float(f), true
		}
	}
	return "", "", false
}

// float writes a number as encoding/json does.
func float(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return ""
	}
	b, err := json.Marshal(f)
	if err != nil {
		return ""
	}
	return string(b)
}
