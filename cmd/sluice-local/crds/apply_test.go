package crds

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "cut istio.yaml from the module istio.io/api again")

func TestIstio_IsWhatTheModulePublishes(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "istio.io/api")
	list.Dir = "../../.." // the module that uses it
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list -m istio.io/api: %v", err)
	}
	all, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "kubernetes", "customresourcedefinitions.gen.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := cut(all)
	if *update {
		if err := os.WriteFile("istio.yaml", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(istio, want) {
		t.Error("istio.yaml differs from the module's; run: go test ./crds -update")
	}
}

// cut keeps the documents that define one of Names.
func cut(all []byte) []byte {
	const sep = "\n---\n"
	var keep []string
	for _, doc := range strings.Split(string(all), sep) {
		if slices.ContainsFunc(Names, func(name string) bool { return strings.Contains(doc, "\n  name: "+name+"\n") }) {
			keep = append(keep, strings.TrimSuffix(doc, "\n"))
		}
	}
	return []byte(strings.Join(keep, sep) + "\n")
}

func TestDefinitions_AreTheNamedOnes(t *testing.T) {
	defs, err := definitions(istio)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, def := range defs {
		got = append(got, def.Name)
	}
	slices.Sort(got)
	if diff := cmp.Diff(Names, got); diff != "" {
		t.Errorf("definitions (-want +got):\n%s", diff)
	}
}
