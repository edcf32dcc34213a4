package up

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sluice-dev/sluice/cmd/sluice-local/goimage"
	"github.com/sluice-dev/sluice/cmd/sluice-local/registry"
	"github.com/sluice-dev/sluice/cmd/sluice-local/seed"
	"github.com/sluice-dev/sluice/examples"
)

// The demo: the content of its repository, its program, and the names of its
// service and image.
const (
	demoSpecs = "hello/specs"
	demoApp   = "hello/app"
	demoName  = "helloworld-go"
	demoImage = demoName + ":v1"
)

// demo makes the demo's repository and image where they are not there yet, and
// nothing where the user has a repository of his own.
func (s *session) demo(ctx context.Context) error {
	if s.Repo != "" {
		return nil
	}
	specs, err := fs.Sub(examples.Files, demoSpecs)
	if err != nil {
		return err
	}
	s.Repo = filepath.Join(s.Dir, "demo.git")
	if _, err := os.Stat(s.Repo); errors.Is(err, fs.ErrNotExist) {
		s.seeded = true
	}
	if err := seed.Demo(s.Repo, s.Branch, specs); err != nil {
		return err
	}
	app, err := fs.Sub(examples.Files, demoApp)
	if err != nil {
		return err
	}
	return buildImage(ctx, app, demoImage, s.images)
}

// buildImage builds an image of a program of ours unless the registry has one
// of the same source, or one that the user has built himself.
func buildImage(ctx context.Context, app fs.FS, tag string, images *registry.Store) error {
	name, err := registry.LocalName(tag)
	if err != nil {
		return err
	}
	hash, err := hashFiles(app)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	have, err := images.Lookup(name)
	if err == nil && (have.Source == hash || have.Source == "") {
		return nil
	}
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		return err
	}
	src, err := os.MkdirTemp("", "sluice-source-*")
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer os.RemoveAll(src)
	if err := os.CopyFS(filepath.Join(src, "app"), app); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	// Within the main module the program needs no go.mod; out here it does.
	module := []byte("module app\n\ngo 1.24\n")
	if err := os.WriteFile(filepath.Join(src, "app", "go.mod"), module, 0o644); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err = goimage.FromSource(ctx, filepath.Join(src, "app"), name, hash, images)
	return err
}

// hashFiles hashes names and content of everything in files.
func hashFiles(files fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		fmt.Fprintf(sum, "%q %d\n%s", path, len(text), text)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}
