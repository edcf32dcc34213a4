package load

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	yamlv3 "go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"
)

// ours converts with toJSON; ok is false where it refuses.
func ours(t interface{ Fatalf(string, ...any) }, text string) (any, bool) {
	node, bad := parse([]byte(text))
	if bad != nil {
		return nil, false
	}
	if node == nil {
		return nil, true
	}
	b, problems := toJSON(node, &budget{})
	if len(problems) > 0 {
		return nil, false
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%q: this is not JSON: %v\n%s", text, err, b)
	}
	return v, true
}

// theirs converts with sigs.k8s.io/yaml.
func theirs(text string) (any, error) {
	b, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		return nil, err
	}
	var v any
	return v, json.Unmarshal(b, &v)
}

func TestToJSON_ScalarsAreWhatKubectlSees(t *testing.T) {
	for _, scalar := range []string{
		"yes", "Yes", "no", "on", "OFF", "y", "N", "true", "False", "null", "~", "", "Null", "nUll", "yES",
		"0", "-0", "1", "+1", "007", "010", "0o17", "0x1F", "0b101", "-0b11", "1_000", "18446744073709551615", "-9223372036854775808", "9223372036854775808", "99999999999999999999",
		"1.5", ".5", "5.", "1e3", "1E-3", "-1.5e+10", "1e999", "1e21", "0.1", "1.0", "+.5", "-.5", ".", "..", "1.2.3", "1:30", "12:30:45",
		"2001-01-01", "2001-01-01T00:00:00Z", "2001-1-1", "0755", "08", "1e", "e1", "-", "+", "--", "0x", "0xg", "_1", "1_", "1__0", ".5_0", "0.5_0",
		"<<", "=", "a b", "a#b", "a: b", "'yes'", `"no"`, `"\u00e4\n"`, "'it''s'", "|\n  text\n  more", ">\n  folded\n  text", "!!str yes", "!!str 1", "!!int 1", "!!float 1", "!!bool yes", "ä", "\U0001F600",
	} {
		text := "a: " + scalar + "\n"
		want, err := theirs(text)
		got, ok := ours(t, text)
		if err != nil {
			if ok {
				t.Errorf("%q: sigs.k8s.io/yaml refuses it (%v), we read %v", scalar, err, got)
			}
			continue
		}
		if !ok {
			t.Errorf("%q: refused, sigs.k8s.io/yaml reads %v", scalar, want)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: (-sigs.k8s.io/yaml +ours)\n%s", scalar, diff)
		}
	}
}

func TestToJSON_NotANumberIsRefused(t *testing.T) {
	for _, scalar := range []string{".nan", ".inf", "-.Inf", "+.INF", "!!binary aGk=", "!secret x", "!!int x"} {
		if v, ok := ours(t, "a: "+scalar); ok {
			t.Errorf("%s: read as %v", scalar, v)
		}
	}
}

func TestToJSON_MergeKeysGiveWayToOwnOnes(t *testing.T) {
	got, ok := ours(t, "base: &b {a: 1, b: 1}\nmore: &m {b: 2, c: 2}\nx:\n  b: 3\n  <<: [*b, *m]\n")
	want := map[string]any{"base": map[string]any{"a": 1., "b": 1.}, "more": map[string]any{"b": 2., "c": 2.}, "x": map[string]any{"a": 1., "b": 3., "c": 2.}}
	if diff := cmp.Diff(any(want), got); !ok || diff != "" {
		t.Errorf("ok %v (-want +got)\n%s", ok, diff)
	}
}

// value draws anything that a manifest could hold.
func value(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kind := rapid.IntRange(0, 9).Draw(t, "kind")
		if depth == 0 && kind > 5 {
			kind -= 4
		}
		switch kind {
		case 0:
			return rapid.Bool().Draw(t, "bool")
		case 1:
			return rapid.Int64().Draw(t, "int")
		case 2:
			f := rapid.Float64().Draw(t, "float")
			if math.IsNaN(f) || math.IsInf(f, 0) {
				return nil
			}
			return f
		case 3:
			return nil
		case 4, 5:
			return text().Draw(t, "text")
		case 6, 7:
			return rapid.SliceOfN(value(depth-1), 0, 4).Draw(t, "list")
		default:
			return rapid.MapOfN(text(), value(depth-1), 0, 4).Draw(t, "map")
		}
	})
}

func text() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[a-zA-Z0-9 _.:/{}\[\]#&*!|>'"%@,?=~-]{0,12}`),
		rapid.SampledFrom([]string{"yes", "no", "on", "1", "0x1F", "1e3", "~", "null", "", "2001-01-01", "<<", "a\nb", "---", "\ttab", "ä\u2028"}),
	)
}

func TestToJSON_IsWhatSigsYAMLGives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.MapOfN(text(), value(4), 0, 5).Draw(t, "document")
		var b []byte
		var err error
		switch rapid.IntRange(0, 2).Draw(t, "writer") {
		case 0:
			b, err = yaml.Marshal(v)
		case 1:
			b, err = yamlv3.Marshal(v)
		default:
			b, err = json.MarshalIndent(v, "", "  ")
		}
		if err != nil {
			t.Fatal(err)
		}
		compare(t, string(b))
	})
}

// compare fails where we read a text differently than sigs.k8s.io/yaml does.
func compare(t interface{ Fatalf(string, ...any) }, text string) {
	want, err := theirs(text)
	if err != nil {
		return
	}
	got, ok := ours(t, text)
	if !ok {
		if strings.Contains(text, "?") || hasOddKeys(want) {
			return
		}
		t.Fatalf("refused, but sigs.k8s.io/yaml reads %v\n%s", want, text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-sigs.k8s.io/yaml +ours)\n%s\n%s", diff, text)
	}
}

// hasOddKeys reports whether a key could stand unquoted for something else
// than a string, which we refuse and sigs.k8s.io/yaml writes out.
func hasOddKeys(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			if kind, _ := resolve(k); kind != "!!str" || hasOddKeys(inner) {
				return true
			}
		}
	case []any:
		for _, inner := range v {
			if hasOddKeys(inner) {
				return true
			}
		}
	}
	return false
}
