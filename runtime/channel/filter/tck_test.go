package filter

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// kit is a file of CESQL's own Technology Compatibility Kit.
type kit struct {
	Name  string `json:"name"`
	Tests []struct {
		Name       string          `json:"name"`
		Expression string          `json:"expression"`
		Result     any             `json:"result"`
		Error      string          `json:"error"`
		Event      json.RawMessage `json:"event"`
		Overrides  map[string]any  `json:"eventOverrides"`
	} `json:"tests"`
}

func TestCESQL_PassesItsOwnKit(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/cloudevents/sdk-go/sql/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "test", "tck", "*.yaml"))
	if err != nil || len(files) < 17 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var k kit
		if err := yaml.Unmarshal(b, &k); err != nil {
			t.Fatal(err)
		}
		for _, test := range k.Tests {
			t.Run(k.Name+"/"+test.Name, func(t *testing.T) {
				e := kitEvent(t, test.Event, test.Overrides)
				f, err := Compile(&contract.Filter{CESQL: test.Expression})
				if test.Error == "parse" {
					if err == nil {
						t.Error("compiled")
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				got, err := f.MatchEvent(e)
				_, isBool := test.Result.(bool)
				if wantErr := test.Error != "" || !isBool; wantErr != (err != nil) {
					t.Errorf("error %v, want %q", err, test.Error)
				}
				if err == nil && got != test.Result {
					t.Errorf("got %v, want %v", got, test.Result)
				}
			})
		}
	}
}

func kitEvent(t *testing.T, given json.RawMessage, overrides map[string]any) *cloudevents.Event {
	t.Helper()
	members := map[string]any{"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
	if given != nil {
		members = map[string]any{}
		if err := json.Unmarshal(given, &members); err != nil {
			t.Fatal(err)
		}
	}
	maps.Copy(members, overrides)
	b, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	e := &cloudevents.Event{}
	if err := e.ReadJSON(b); err != nil {
		t.Fatal(err)
	}
	return e
}
