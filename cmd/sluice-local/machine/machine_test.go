package machine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestComplain_NamesThePackagesOnce(t *testing.T) {
	err := complain([]need{{"runc", "runc"}, {"containerd", "containerd"}, {"containerd-shim-runc-v2", "containerd"}})
	for _, want := range []string{"lacks runc, containerd, containerd-shim-runc-v2", "apt-get install --no-install-recommends containerd runc\n", "--node process"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v; want %q", err, want)
		}
	}
	if err := complain(nil); err != nil {
		t.Error(err)
	}
}

func TestFindPlugins_WantsAllInOneFolder(t *testing.T) {
	half, whole := t.TempDir(), t.TempDir()
	put := func(dir, name string) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(half, plugins[0])
	if got := findPlugins([]string{half, whole}); got != "" {
		t.Errorf("found %s", got)
	}
	for _, p := range plugins {
		put(whole, p)
	}
	if got := findPlugins([]string{half, whole}); got != whole {
		t.Errorf("found %q, want %s", got, whole)
	}
}

func TestTake_OneAtATimeAndNobodyElses(t *testing.T) {
	dir := t.TempDir()
	foreign := false
	isNode := func() (bool, error) { return foreign, nil }
	first, err := take(dir, "/one", isNode)
	if err != nil || first.Resumes {
		t.Fatalf("%+v, %v", first, err)
	}
	if _, err := take(dir, "/two", isNode); err == nil || !strings.Contains(err.Error(), "--dir /one") {
		t.Errorf("a second claim: %v", err)
	}
	if err := first.Release(false); err != nil { // as if it had been killed
		t.Fatal(err)
	}
	foreign = true
	for range 2 { // a refusal leaves what it found
		if _, err := take(dir, "/two", isNode); err == nil || !strings.Contains(err.Error(), "the cluster in /one was killed") {
			t.Errorf("what another cluster left: %v", err)
		}
	}
	second, err := take(dir, "/one", isNode)
	if err != nil || !second.Resumes {
		t.Fatalf("what the same cluster left: %+v, %v", second, err)
	}
	if err := second.Release(true); err != nil {
		t.Fatal(err)
	}
	if _, err := take(dir, "/one", isNode); err == nil || !strings.Contains(err.Error(), "Kubernetes node already") {
		t.Errorf("somebody else's node: %v", err)
	}
}
