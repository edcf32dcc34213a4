package goimage

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sluice-dev/sluice/runtime/build/image"
)

// ErrNoBuildah says that buildah is not installed.
var ErrNoBuildah = errors.New("buildah is not on PATH; install it (Debian: apt-get install buildah), or give the template another image with the argument BUILDER_IMAGE")

// helpers are programs that buildah runs, where they are there.
var helpers = []string{"newuidmap", "newgidmap"}

// configs are what buildah reads of the machine.
var configs = []string{"/etc/containers/policy.json", "/usr/share/containers"}

// PutBuildah keeps an image of this machine's buildah under name: what the
// `dockerfile` template builds in.
func PutBuildah(ctx context.Context, name string, keep Keeper) error {
	program, err := exec.LookPath("buildah")
	if err != nil {
		return ErrNoBuildah
	}
	paths, err := needs(ctx, program)
	if err != nil {
		return err
	}
	for _, helper := range helpers {
		if at, err := exec.LookPath(helper); err == nil {
			more, err := needs(ctx, at)
			if err != nil {
				return err
			}
			paths = append(paths, more...)
		}
	}
	slices.Sort(paths)
	config := v1.Config{
		User: "0", WorkingDir: "/", Entrypoint: []string{program},
		Env: []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "HOME=/tmp"},
	}
	return putBuilder(name, "", keep, config, func(w *tar.Writer) error {
		for _, path := range slices.Compact(paths) {
			if err := addReal(w, path); err != nil {
				return err
			}
		}
		return addConfigs(w)
	})
}

// addConfigs adds what is configured on this machine.
func addConfigs(w *tar.Writer) error {
	for _, path := range configs {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		err := addTree(w, path, path[1:], func(string, fs.DirEntry) bool { return false })
		if err != nil {
			return err
		}
	}
	return nil
}

// library is a file that the loader would load.
var library = regexp.MustCompile(`(/\S+) \(0x`)

// needs is a program and the libraries that it is linked to.
func needs(ctx context.Context, program string) ([]string, error) {
	out, err := exec.CommandContext(ctx, "ldd", program).Output()
	if err != nil {
		return nil, fmt.Errorf("ldd %s: %w", program, err)
	}
	paths := []string{program}
	for _, m := range library.FindAllSubmatch(out, -1) {
		paths = append(paths, string(m[1]))
	}
	return paths, nil
}

// addReal adds the file that a path leads to, under the path itself.
func addReal(w *tar.Writer, path string) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	return image.AddPath(w, path[1:], real)
}
