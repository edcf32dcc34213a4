package goimage

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sluice-dev/sluice/runtime/build/compile"
	"github.com/sluice-dev/sluice/runtime/build/image"
)

// goSettings are what a Go toolchain in the cluster takes over from this
// machine's: where modules come from, and which are private.
var goSettings = []string{"GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB"}

// Toolchain is this machine's Go.
type Toolchain struct {
	root    string
	Version string
	env     []string
}

// FindToolchain asks the go command.
func FindToolchain(ctx context.Context) (Toolchain, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return Toolchain{}, compile.ErrNoGo
	}
	out, err := exec.CommandContext(ctx, "go", append([]string{"env", "-json", "GOROOT", "GOVERSION"}, goSettings...)...).Output()
	if err != nil {
		return Toolchain{}, fmt.Errorf("go env: %w", err)
	}
	var env map[string]string
	if err := json.Unmarshal(out, &env); err != nil {
		return Toolchain{}, fmt.Errorf("go env: %w", err)
	}
	t := Toolchain{root: env["GOROOT"], Version: env["GOVERSION"]}
	for _, key := range goSettings {
		if value := env[key]; value != "" && !strings.Contains(value, "@") { // with an @ there may be a password
			t.env = append(t.env, key+"="+value)
		}
	}
	return t, nil
}

// unneeded are parts of a toolchain that no build reads.
var unneeded = []string{"api", "doc", "misc", "test", "pkg/obj", "pkg/bootstrap"}

// Put keeps an image of the toolchain under name: what the `go` template
// builds in.
func (t Toolchain) Put(name string, keep Keeper) error {
	return putBuilder(name, t.Version, keep, v1.Config{
		User: image.User, WorkingDir: "/",
		Env: append([]string{"PATH=/usr/local/go/bin", "GOROOT=/usr/local/go", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "HOME=/tmp"}, t.env...),
	}, func(w *tar.Writer) error {
		return addTree(w, t.root, "usr/local/go", func(path string, d fs.DirEntry) bool {
			return slices.Contains(unneeded, path) || d.IsDir() && d.Name() == "testdata" || strings.HasSuffix(path, "_test.go")
		})
	})
}

// putBuilder keeps an image of one layer that basics begin.
func putBuilder(name, source string, keep Keeper, config v1.Config, write func(*tar.Writer) error) error {
	scratch, err := os.MkdirTemp("", "sluice-image-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	img, err := image.Of(scratch, config, func(w *tar.Writer) error {
		if err := image.Basics(w); err != nil {
			return err
		}
		return write(w)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err = keep.Put(name, source, img)
	return err
}

// addTree adds a folder of this machine, with its links, at a place.
func addTree(w *tar.Writer, root, at string, skip func(path string, d fs.DirEntry) bool) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if skip(filepath.ToSlash(below), d) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		return image.AddPath(w, filepath.Join(at, below), path)
	})
}
