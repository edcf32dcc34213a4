package expression

import (
	"strings"
	"testing"

	"github.com/google/cel-go/common/types"
)

func TestCESQL(t *testing.T) {
	for _, text := range []string{"source LIKE '%x%' AND EXISTS foo", "type = 'a' OR subject IN ('b', 'c')", "LENGTH(id) > 3"} {
		if _, err := CESQL(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"", "source LIKE", "type == 'a'", "(", "'", "a = ", "AND", "1 +", strings.Repeat("a", MaxLength+1)} {
		if _, err := CESQL(text); err == nil {
			t.Errorf("%q: taken", text)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: the error has lines: %v", text, err)
		}
	}
}

func TestCondition(t *testing.T) {
	p, err := Condition("event.type == 'order' && data.total > 100 && data.lines.exists(l, l.sku.startsWith('B'))")
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := p.Eval(map[string]any{
		"event": map[string]any{"type": "order"},
		"data":  map[string]any{"total": 101.0, "lines": []any{map[string]any{"sku": "A1"}, map[string]any{"sku": "B2"}}},
	})
	if err != nil || out != types.True {
		t.Errorf("got %v, %v", out, err)
	}
	for text, want := range map[string]string{
		"data.total >":        "column 13",
		"events.type == 'a'":  "undeclared reference to 'events'",
		"'a' + 'b'":           "gives a string",
		"size(data.a) == 'x'": "no matching overload",
	} {
		if _, err := Condition(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestValue(t *testing.T) {
	p, err := Value("{'order': data.id, 'of': event.subject}")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Eval(map[string]any{"event": map[string]any{"subject": "s"}, "data": map[string]any{"id": 1.0}}); err != nil {
		t.Error(err)
	}
}

func FuzzCESQL(f *testing.F) {
	f.Add("source LIKE '%x%' AND EXISTS foo")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := CESQL(text)
		if err == nil && e == nil {
			t.Error("neither an expression nor an error")
		}
	})
}
