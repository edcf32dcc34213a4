package publish_test

import (
	"archive/tar"
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sluice-dev/sluice/runtime/build/compile"
	"github.com/sluice-dev/sluice/runtime/build/publish"
	"github.com/sluice-dev/sluice/runtime/build/registries"
	"github.com/sluice-dev/sluice/schema/contract"
)

// world is a registry that is called local.dev, and a folder for the steps.
func world(t *testing.T) (registries.Table, string) {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true)))
	t.Cleanup(server.Close)
	t.Setenv(contract.EnvRegistries, "local.dev="+server.URL)
	return registries.FromEnv(), t.TempDir()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// build compiles a program that greets into dir/oci.
func build(t *testing.T, dir, greeting, base string) {
	t.Helper()
	src := t.TempDir()
	write(t, filepath.Join(src, "go.mod"), "module hello\n\ngo 1.24\n")
	write(t, filepath.Join(src, "main.go"), "package main\n\nfunc main() { println("+strconvQuote(greeting)+") }\n")
	step := compile.Step{
		Program: compile.Program{Dir: src, Package: "."}, Base: base,
		Layout: filepath.Join(dir, "oci"), Cache: cache(t), Say: t.Logf,
	}
	if err := step.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// cache is the go command's own, so that the tests need not compile its library.
func cache(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	home, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(home, "go-build"), filepath.Join(dir, "go-build")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func strconvQuote(s string) string { b, _ := json.Marshal(s); return string(b) }

func push(t *testing.T, table registries.Table, dir, image string) contract.BuildResult {
	t.Helper()
	step := publish.Step{
		Image: image, Dir: dir, Registries: table, Now: time.Now, Say: t.Logf,
		Facts: contract.BuildFacts{
			Build: "default/app", Inputs: "feed", Template: "go", Images: []string{"golang"},
			Sources: []contract.BuildSource{{URI: "https://example.com/specs", Commit: "c0ffee", Tree: "beef", Path: "app"}, {Name: "lib", URI: "https://example.com/lib", Revision: "v1"}},
		},
	}
	result, err := step.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestPublish_TheSameSourceIsTheSameDigestAndAnotherIsNot(t *testing.T) {
	table, _ := world(t)
	digests := map[string]bool{}
	for _, greeting := range []string{"one", "one", "two"} {
		dir := t.TempDir()
		build(t, dir, greeting, "")
		digests[push(t, table, dir, "local.dev/app").Image] = true
	}
	if len(digests) != 2 {
		t.Errorf("of two sources there are %d images: %v", len(digests), digests)
	}
}

func TestPublish_RecordsBesideTheImageHowItWasMade(t *testing.T) {
	table, dir := world(t)
	build(t, dir, "base", "")
	base := push(t, table, dir, "local.dev/base:v1")
	dir = t.TempDir()
	build(t, dir, "app", "local.dev/base:v1")
	write(t, filepath.Join(dir, "source-lib.json"), `{"uri":"x","commit":"deadbeef","tree":"cafe"}`)
	result := push(t, table, dir, "local.dev/app:v1")
	if !strings.HasPrefix(result.Image, "local.dev/app@sha256:") || result.Base != base.Image {
		t.Errorf("%+v, base %s", result, base.Image)
	}
	documents := attached(t, table, result.Image)
	sbom, provenance := documents["application/spdx+json"], documents["application/vnd.in-toto+json"]
	for _, want := range []string{`"spdxVersion": "SPDX-2.3"`, `"name": "stdlib"`, `"name": "hello"`} {
		if !strings.Contains(sbom, want) {
			t.Errorf("no %s in\n%s", want, sbom)
		}
	}
	var statement struct {
		Subject   []struct{ Digest map[string]string }
		Predicate struct {
			BuildDefinition struct {
				ResolvedDependencies []struct {
					URI    string
					Digest map[string]string
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(provenance), &statement); err != nil {
		t.Fatal(err)
	}
	if "local.dev/app@sha256:"+statement.Subject[0].Digest["sha256"] != result.Image {
		t.Errorf("the provenance is of %v", statement.Subject)
	}
	deps := statement.Predicate.BuildDefinition.ResolvedDependencies
	if len(deps) != 3 || deps[0].Digest["gitTree"] != "beef" || deps[1].Digest["gitCommit"] != "deadbeef" || "local.dev/base@sha256:"+deps[2].Digest["sha256"] != base.Image {
		t.Errorf("made from %+v", deps)
	}
}

// attached are the documents that refer to an image, by their type.
func attached(t *testing.T, table registries.Table, image string) map[string]string {
	t.Helper()
	ref, err := table.Find(image)
	if err != nil {
		t.Fatal(err)
	}
	digest := ref.Reached.Context().Digest(ref.Reached.Identifier())
	index, err := remote.Referrers(digest)
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, d := range m.Manifests {
		img, err := remote.Image(ref.Reached.Context().Digest(d.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		layers, err := img.Layers()
		if err != nil || len(layers) != 1 {
			t.Fatalf("%d layers, %v", len(layers), err)
		}
		kind, text := content(t, layers[0])
		out[kind] = text
	}
	return out
}

func content(t *testing.T, layer v1.Layer) (kind, text string) {
	t.Helper()
	r, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	m, err := layer.MediaType()
	if err != nil {
		t.Fatal(err)
	}
	return string(m), string(b)
}

func TestPublish_TakesWhatAStepHasPushedItself(t *testing.T) {
	table, dir := world(t)
	build(t, dir, "kaniko", "")
	first := push(t, table, dir, "local.dev/app:v1")
	_, digest, _ := strings.Cut(first.Image, "@")
	dir = t.TempDir()
	write(t, filepath.Join(dir, "digest"), digest+"\n")
	if got := push(t, table, dir, "local.dev/app:v1"); got.Image != first.Image {
		t.Errorf("by its digest: %v, want %v", got.Image, first.Image)
	}
	if got := push(t, table, t.TempDir(), "local.dev/app:v1"); got.Image != first.Image {
		t.Errorf("by asking the registry: %v, want %v", got.Image, first.Image)
	}
	if got := push(t, table, t.TempDir(), ""); got.Image != "" {
		t.Errorf("of a build without an image: %v", got.Image)
	}
	step := publish.Step{Image: "local.dev/never", Dir: t.TempDir(), Registries: table, Now: time.Now, Say: t.Logf}
	if _, err := step.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "no step left an image to push") {
		t.Errorf("error %v", err)
	}
}

func TestCompile_RefusesWhatWouldRunAProgramOfTheSources(t *testing.T) {
	for _, step := range []compile.Step{
		{Program: compile.Program{Package: "-toolexec=/workspace/evil"}},
		{Program: compile.Program{Package: ".", Ldflags: "-linkmode=external -extld=/workspace/evil"}},
		{Program: compile.Program{Package: ".", Ldflags: "-X a=b -extld /workspace/evil"}},
	} {
		step.Layout, step.Say = filepath.Join(t.TempDir(), "oci"), t.Logf
		if err := step.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("%+v: %v", step.Program, err)
		}
	}
}

func TestImage_HoldsTheProgramAndLittleElse(t *testing.T) {
	_, dir := world(t)
	build(t, dir, "alone", "")
	table := registries.FromEnv()
	result := push(t, table, dir, "local.dev/alone")
	ref, err := table.Find(result.Image)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(ref.Reached)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatal(layers, err)
	}
	r, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	found := map[string]time.Time{}
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if err != nil {
			break
		}
		found[h.Name] = h.ModTime
	}
	if when, ok := found["app"]; !ok || !when.Equal(time.Unix(0, 0)) || len(found) > 8 {
		t.Errorf("%v", found)
	}
}
