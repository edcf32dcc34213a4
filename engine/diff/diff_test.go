package diff

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSubset(t *testing.T) {
	tests := []struct {
		name, desired, live string
		want                []string
	}{
		{"defaults of the server are nobody's drift", `{"a":1}`, `{"a":1,"b":{"c":2}}`, nil},
		{"a value differs", `{"spec":{"image":"x"}}`, `{"spec":{"image":"y"}}`, []string{"spec.image: y -> x"}},
		{"a field is missing", `{"spec":{"image":"x"}}`, `{"spec":{}}`, []string{"spec.image: (none) -> x"}},
		{"quantities are compared by value", `{"cpu":"1000m","memory":"1Gi"}`, `{"cpu":"1","memory":"1024Mi"}`, nil},
		{"quantities may differ", `{"cpu":"1000m"}`, `{"cpu":"2"}`, []string{"cpu: 2 -> 1000m"}},
		{"an empty map that the server drops", `{"resources":{}}`, `{}`, nil},
		{"a zero that the server drops", `{"n":0,"s":"","b":false}`, `{}`, nil},
		{"lists of objects are matched by name", `{"env":[{"name":"B","value":"2"},{"name":"A","value":"1"}]}`,
			`{"env":[{"name":"A","value":"1"},{"name":"B","value":"3"}]}`, []string{"env[name=B].value: 3 -> 2"}},
		{"an item is gone", `{"env":[{"name":"A","value":"1"}]}`, `{"env":[{"name":"B","value":"1"}]}`,
			[]string{`env[name=A]: (none) -> {"name":"A","value":"1"}`}},
		{"plain lists are compared in order", `{"args":["a","b"]}`, `{"args":["b","a"]}`, []string{"args[0]: b -> a", "args[1]: a -> b"}},
		{"a list of another length", `{"args":["a"]}`, `{"args":["a","b"]}`, []string{`args: ["a","b"] -> ["a"]`}},
		{"keys with dots are quoted", `{"labels":{"a.b/c":"x"}}`, `{"labels":{}}`, []string{`labels["a.b/c"]: (none) -> x`}},
		{"another type", `{"a":{"b":1}}`, `{"a":"x"}`, []string{`a: x -> {"b":1}`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			changes, err := JSON([]byte(tt.desired), []byte(tt.live))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range changes {
				got = append(got, c.String())
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestJSON_SaysWhichSideIsBroken(t *testing.T) {
	if _, err := JSON([]byte("{"), []byte("{}")); err == nil {
		t.Error("a broken desired object is no error")
	}
	if _, err := JSON([]byte("{}"), []byte("{")); err == nil {
		t.Error("a broken live object is no error")
	}
}

func value(depth int) *rapid.Generator[any] {
	scalar := rapid.OneOf(
		rapid.Map(rapid.StringMatching(`[a-z0-9.]{0,4}`), func(s string) any { return s }),
		rapid.Map(rapid.Float64Range(-9, 9), func(f float64) any { return f }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
	)
	if depth == 0 {
		return scalar
	}
	return rapid.OneOf(scalar,
		rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"name", "a", "b", "port"}), value(depth-1), 0, 4), func(m map[string]any) any { return m }),
		rapid.Map(rapid.SliceOfN(value(depth-1), 0, 4), func(s []any) any { return s }),
	)
}

func TestSubset_AnObjectIsASubsetOfItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := value(3).Draw(t, "v")
		if got := Subset(v, v); len(got) > 0 {
			b, _ := json.Marshal(v)
			t.Errorf("%s: %v", b, got)
		}
	})
}
