package diff

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBetween_SeesWhatEitherHas(t *testing.T) {
	value := func(s string) (v any) {
		if err := json.Unmarshal([]byte(s), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	got := Between(
		value(`{"a":1,"ab":"b","gone":{"x":"y"},"list":[{"name":"p","v":"1"},{"name":"q","v":"1"}],"same":"1"}`),
		value(`{"a":2,"new":"z","list":[{"name":"p","v":"2"},{"name":"r","v":"3"}],"same":"1"}`))
	want := []Change{
		{Path: "a", From: "1", To: "2"},
		{Path: "ab", From: "b"},
		{Path: "gone", From: `{"x":"y"}`},
		{Path: "list[name=p].v", From: "1", To: "2"},
		{Path: "list[name=q]", From: `{"name":"q","v":"1"}`},
		{Path: "list[name=r]", To: `{"name":"r","v":"3"}`},
		{Path: "new", To: "z"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
