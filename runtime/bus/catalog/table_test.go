package catalog

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// page shows the tables, each after a comment that names it.
const page = "../../../docs/events.md"

// TestTables_StandInTheDocs keeps the page in step; UPDATE=1 rewrites it.
func TestTables_StandInTheDocs(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	was := string(b)
	want := was
	for name, table := range map[string]string{"promises": Table(), "arguments": Arguments()} {
		begin, end := "<!-- "+name+": made by runtime/bus/catalog -->\n\n", "\n<!-- /"+name+" -->"
		before, rest, found := strings.Cut(want, begin)
		_, after, ended := strings.Cut(rest, end)
		if !found || !ended {
			t.Fatalf("%s has no place for %s", page, name)
		}
		want = before + begin + table + end + after
	}
	if want == was {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatalf("%s does not say what the catalog does: UPDATE=1 go test ./runtime/bus/catalog", page)
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every promise has a column, but for Direct, which nobody sees.
func TestTable_ShowsEveryPromise(t *testing.T) {
	plain := map[string]bool{"Direct": true}
	fields := reflect.TypeFor[bus.Promises]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		all := bus.Promises{Replay: name == "Positions", Lag: name == "Age"}
		with := all
		switch f := reflect.ValueOf(&with).Elem().Field(i); f.Kind() {
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Int:
			f.SetInt(1 << 20)
		}
		shown := false
		for _, p := range promises {
			shown = shown || p.says(all) != p.says(with)
		}
		if shown == plain[name] {
			t.Errorf("%s: shown: %v", name, shown)
		}
	}
}
