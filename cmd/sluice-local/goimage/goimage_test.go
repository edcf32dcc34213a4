package goimage

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sluice-dev/sluice/runtime/build/compile"
)

func write(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func program(t *testing.T) string {
	t.Helper()
	return write(t, t.TempDir(), map[string]string{"go.mod": "module x\ngo 1.24\n", "main.go": "package main\nfunc main() {}\n"})
}

// kept is a Keeper that reads an image while it can be read.
type kept struct {
	name, source string
	digest       v1.Hash
	config       *v1.ConfigFile
	files        map[string]tar.Header
}

func (k *kept) Put(name, source string, img v1.Image) (string, error) {
	k.name, k.source, k.files = name, source, map[string]tar.Header{}
	k.digest, _ = img.Digest()
	k.config, _ = img.ConfigFile()
	layers, err := img.Layers()
	if err != nil {
		return "", err
	}
	r, err := layers[0].Uncompressed()
	if err != nil {
		return "", err
	}
	defer r.Close()
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return k.digest.String(), nil
		}
		if err != nil {
			return "", err
		}
		k.files[h.Name] = *h
	}
}

func TestFromSource_IsTheSameImageEveryTime(t *testing.T) {
	var a, b kept
	for _, k := range []*kept{&a, &b} {
		if _, err := FromSource(t.Context(), program(t), "local.dev/x:1", "hash", k); err != nil {
			t.Fatal(err)
		}
	}
	if a.digest != b.digest {
		t.Errorf("%v, then %v", a.digest, b.digest)
	}
	c := a.config
	if c.OS != "linux" || c.Architecture != runtime.GOARCH || c.Config.User != "65532" || len(c.Config.Entrypoint) != 1 || c.Config.Entrypoint[0] != "/app" {
		t.Errorf("config %+v", c)
	}
	for name, mode := range map[string]fs.FileMode{"app": 0o755, "tmp/": fs.ModeDir | fs.ModeSticky | 0o777, "etc/passwd": 0o644} {
		h := a.files[name]
		if got := h.FileInfo().Mode(); got != mode {
			t.Errorf("%s has mode %v, want %v", name, got, mode)
		}
	}
	if a.name != "local.dev/x:1" || a.source != "hash" {
		t.Errorf("kept as %q, source %q", a.name, a.source)
	}
}

func TestFromSource_SaysWhatIsWrong(t *testing.T) {
	library := write(t, t.TempDir(), map[string]string{"go.mod": "module x\ngo 1.24\n", "x.go": "package x\n"})
	broken := write(t, t.TempDir(), map[string]string{"go.mod": "module x\ngo 1.24\n", "main.go": "package main\nfunc main() { nope() }\n"})
	for dir, want := range map[string]string{
		library:                            "want the folder of a main package",
		broken:                             "undefined: nope",
		filepath.Join(t.TempDir(), "none"): "no such file",
	} {
		if _, err := FromSource(t.Context(), dir, "local.dev/x:1", "", &kept{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error = %v, want %q", dir, err, want)
		}
	}
}

func TestFromSource_WithoutGoSaysWhereItIs(t *testing.T) {
	dir := program(t)
	t.Setenv("PATH", t.TempDir())
	if _, err := FromSource(t.Context(), dir, "local.dev/x:1", "", &kept{}); !errors.Is(err, compile.ErrNoGo) {
		t.Errorf("error = %v, want %v", err, compile.ErrNoGo)
	}
}

func TestFromBinary_RefusesWhatNeedsALoader(t *testing.T) {
	for path, want := range map[string]string{"/bin/sh": "CGO_ENABLED=0", "/etc/passwd": "not a Linux program"} {
		if _, err := FromBinary(path, "local.dev/x:1", "", &kept{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error = %v, want %q", path, err, want)
		}
	}
}
