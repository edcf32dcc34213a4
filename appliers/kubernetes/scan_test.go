package kubernetes

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWithout_LeavesEveryOtherMember(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"first", `{"metadata":{"managedFields":[{"a":{}}],"name":"x"}}`, `{"metadata":{"name":"x"}}`},
		{"last", `{"metadata":{"name":"x", "managedFields" : [1, "]}" ] },"z":1}`, `{"metadata":{"name":"x" },"z":1}`},
		{"only", `{"metadata":{"managedFields":[]}}`, `{"metadata":{}}`},
		{"middle", "{\"metadata\":{\"a\":1,\n\"managedFields\":null,\n\"b\":2}}", "{\"metadata\":{\"a\":1,\n\"b\":2}}"},
		{"none", `{"metadata":{"name":"managedFields"}}`, `{"metadata":{"name":"managedFields"}}`},
		{"in a string", `{"x":"\"metadata\":{\"managedFields\":1}"}`, `{"x":"\"metadata\":{\"managedFields\":1}"}`},
		{"deeper", `{"spec":{"metadata":{"managedFields":1}}}`, `{"spec":{"metadata":{"managedFields":1}}}`},
		{"no object", `[1]`, `[1]`},
		{"nothing", ``, ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, string(without([]byte(c.in), "metadata", "managedFields"))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPrepend_PutsMembersFirst(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"full", `{"data":{"metadata":{}},"metadata":{"name":"x"}}`, `{"data":{"metadata":{}},"metadata":{"uid":"u","name":"x"}}`},
		{"empty", `{"metadata":{ }}`, `{"metadata":{"uid":"u" }}`},
		{"missing", `{"data":{}}`, ``},
		{"no object", `{"metadata":"x"}`, ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, string(prepend([]byte(c.in), `"uid":"u"`, "metadata"))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzWithout compares with decoding: whatever is a JSON object loses exactly
// its managedFields, and nothing makes the scanner fail.
func FuzzWithout(f *testing.F) {
	for _, seed := range []string{
		`{"metadata":{"managedFields":[{"a":"\\\"}"}],"name":"x"},"spec":{"n":1e3,"t":true}}`,
		`{"metadata":{"name":"x","managedFields":{}}}`, `{"a":[{},[]],"metadata" : {"b":"c" , "managedFields":1 }}`,
		`{"metadata":{"managedFields":`, `{"metadata`, `{"metadata":{"managedFields":}}`, `{{`, `{"a":]`, "\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out := without(in, "metadata", "managedFields")
		prepend(in, `"uid":"u"`, "metadata")
		var before, after map[string]any
		if json.Unmarshal(in, &before) != nil || twice(in) {
			return
		}
		if meta, ok := before["metadata"].(map[string]any); ok {
			if !bytes.Contains(in, []byte{'\\'}) || plainly(in) {
				delete(meta, "managedFields")
			}
		}
		if err := json.Unmarshal(out, &after); err != nil {
			t.Fatalf("%q became %q: %v", in, out, err)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatalf("%q became %q\n%s", in, out, diff)
		}
	})
}

// plainly reports whether the two names are spelled without escapes: the
// scanner compares bytes.
func plainly(in []byte) bool {
	_, found := lookup(in, "metadata", "managedFields")
	return found
}

// twice reports whether a decoder and the scanner may disagree about which
// member of a name counts, or about its spelling.
func twice(in []byte) bool {
	d := json.NewDecoder(bytes.NewReader(in))
	seen := map[string]int{}
	for {
		token, err := d.Token()
		if err != nil {
			return seen["metadata"] > 1 || seen["managedFields"] > 1
		}
		if s, ok := token.(string); ok {
			seen[s]++
		}
	}
}
