package containerd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestShims_AreOursWithAllThatTheyStarted(t *testing.T) {
	proc := t.TempDir()
	process := func(pid, stat string, args ...string) {
		dir := filepath.Join(proc, pid)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"stat": pid + " " + stat, "cmdline": strings.Join(args, "\x00") + "\x00"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	process("1", "(init) S 0 1", "/sbin/init")
	process("20", "(containerd-shim) S 1 20", "/usr/bin/containerd-shim-runc-v2", "-namespace", "k8s.io", "-address", "/c/containerd.sock")
	process("21", "(runc:[2:INIT]) S 20 21", "runc", "init")
	process("22", "(a name) with ) in it) S 21 22", "/app")
	process("23", "(gone) Z 20 23")
	process("30", "(containerd-shim) S 1 30", "/usr/bin/containerd-shim-runc-v2", "-address", "/run/containerd/containerd.sock")
	process("31", "(app) S 30 31", "/app")
	process("40", "(grep) S 1 40", "grep", "containerd-shim-runc-v2", "-address", "/c/containerd.sock")
	got, err := shims(proc, "/c/containerd.sock")
	if err != nil || !slices.Equal(got, []int{22, 21, 20}) {
		t.Errorf("%v, %v; want 22, 21 and 20", got, err)
	}
}
