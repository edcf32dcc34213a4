package load_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/schema/catalog"
	"github.com/sluice-dev/sluice/schema/plain"
)

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n"

// bomb is ten levels of ten aliases each.
func bomb() string {
	var b strings.Builder
	b.WriteString(configMap + "  l0: &l0 lol\n")
	for i := 1; i < 10; i++ {
		d := string(rune('0' + i))
		above := "*l" + string(rune('0'+i-1))
		b.WriteString("  l" + d + ": &l" + d + " [" + above + strings.Repeat(", "+above, 9) + "]\n")
	}
	return b.String()
}

func TestRead_HostileFilesGetTheirOwnWords(t *testing.T) {
	for _, c := range []struct {
		name       string
		file       load.File
		want       string
		unreadable bool
	}{
		{"a file of 100 MB is refused unread", load.File{Path: "a.yaml", Size: 100 << 20},
			"a.yaml: the file has 104857600 bytes; a manifest has at most 1048576: split it, or list the path under `ignore:` in sluice.yaml", true},
		{"a file that is larger than it said", load.File{Path: "a.yaml", Size: 1, Data: make([]byte, 1<<20+1)},
			"a.yaml: the file has 1048577 bytes; a manifest has at most 1048576: split it, or list the path under `ignore:` in sluice.yaml", true},
		{"a bomb of aliases", load.File{Path: "a.yaml", Data: []byte(bomb())},
			"a.yaml:5:7: the file holds more than 200000 values once its aliases are expanded", true},
		{"one long text under a thousand aliases", load.File{Path: "a.yaml", Data: []byte(configMap + "  a: &a " + strings.Repeat("x", 100_000) + "\n  b: [" + strings.Repeat("*a, ", 1000) + "*a]\n")},
			"a.yaml:5:6: the file is larger than 4194304 bytes once its aliases are expanded", true},
		{"flow nested 10,000 deep", load.File{Path: "a.yaml", Data: []byte(configMap + "  a: " + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "\n")},
			"a.yaml:5:105: the document is nested more than 100 deep", true},
		{"flow nested deeper than the parser goes", load.File{Path: "a.yaml", Data: []byte(configMap + "  a: " + strings.Repeat("[", 20_000) + "\n")},
			"a.yaml:5:1: the document is nested more than 100 deep", true},
		{"blocks nested 10,000 deep", load.File{Path: "a.yaml", Data: []byte(configMap + "  a:\n   " + strings.Repeat("- ", 10_000) + "a\n")},
			"a.yaml:5:1: the document is nested more than 100 deep", true},
		{"bytes that are no UTF-8", load.File{Path: "a.yaml", Data: []byte(configMap + "  a: \xff\n")},
			"a.yaml:5:6: the file is not UTF-8: save it as UTF-8 text", true},
		{"UTF-16", load.File{Path: "a.yaml", Data: []byte("\xff\xfea\x00:\x00")},
			"a.yaml:1:1: the file is not UTF-8: save it as UTF-8 text", true},
		{"a NUL byte", load.File{Path: "a.yaml", Data: []byte(configMap + "  a: \x00\n")},
			"a.yaml:1:1: this is not YAML: control characters are not allowed", true},
		{"a line break in the name", load.File{Path: "a\nb.yaml", Data: []byte(configMap)},
			`"a\nb.yaml": the file's name holds control characters or is not UTF-8: rename the file`, true},
		{"a name that is no UTF-8", load.File{Path: "a\xff.yaml", Data: []byte(configMap)},
			`"a\xff.yaml": the file's name holds control characters or is not UTF-8: rename the file`, true},
		{"a link that looks like a manifest", load.File{Path: "a.yaml", Mode: load.Symlink, Data: []byte("/etc/passwd")},
			"a.yaml: this is a symbolic link, which is never followed: commit the file itself", true},
		{"a link", load.File{Path: "passwd", Mode: load.Symlink, Data: []byte("/etc/passwd")},
			"passwd: warning: this is a symbolic link, which is never followed", false},
		{"a submodule", load.File{Path: "vendor/x", Mode: load.Submodule},
			"vendor/x: warning: this is a submodule, which is never fetched: commit the manifests themselves, or list the path under `ignore:` in sluice.yaml", true},
		{"an LFS pointer", load.File{Path: "a.yaml", Data: []byte("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")},
			"a.yaml: this is a Git LFS pointer, not the file: keep manifests out of LFS (`git lfs untrack`)", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			part := load.Read(c.file, catalog.New(plain.Policy{}))
			if len(part.Problems) != 1 {
				t.Fatalf("got %d problems, want one: %v", len(part.Problems), part.Problems)
			}
			if diff := cmp.Diff(c.want, part.Problems[0].String()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if part.Unreadable != c.unreadable {
				t.Errorf("unreadable: got %v, want %v", part.Unreadable, c.unreadable)
			}
			for _, e := range part.Entries {
				if e.Spec != nil {
					t.Errorf("a spec came of it: %v", e.Identity)
				}
			}
		})
	}
}

// A megabyte of the densest YAML there is may cost memory, but not without
// bound: a dozen such files must not end the engine.
func TestRead_DenseFileIsBounded(t *testing.T) {
	dense := load.File{Path: "a.yaml", Data: []byte(configMap + "  a: [" + strings.Repeat("1,", 1<<19-40) + "]\n")}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	part := load.Read(dense, catalog.New(plain.Policy{}))
	runtime.ReadMemStats(&after)
	if len(part.Problems) != 1 || !strings.Contains(part.Problems[0].Text, "more than 200000 values") {
		t.Errorf("got %v", part.Problems)
	}
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 300<<20 {
		t.Errorf("reading a file of 1 MiB allocated %d MiB", spent>>20)
	}
}
