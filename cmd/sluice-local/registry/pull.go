package registry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/distribution/reference"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node"
	"github.com/sluice-dev/sluice/cmd/sluice-local/unpack"
)

var _ node.Images = (*Store)(nil)

// Pull finds an image and unpacks it, each digest once. A name under Host comes
// from the store; any other from its own registry the first time and from the
// store ever after.
func (s *Store) Pull(ctx context.Context, ref string) (node.Image, error) {
	r, err := s.parse(ref)
	if err != nil {
		return node.Image{}, err
	}
	h, err := s.find(r)
	if errors.Is(err, ErrNotFound) {
		if reference.Domain(r) == Host {
			h, err = s.make(ctx, r)
		} else {
			h, err = s.fetch(ctx, r)
		}
	}
	if err != nil {
		return node.Image{}, fmt.Errorf("image %s: %w", ref, err)
	}
	img, h, err := s.image(h)
	if err != nil {
		return node.Image{}, fmt.Errorf("image %s: %w", ref, err)
	}
	root, err := s.unpacked(ctx, h, img)
	if err != nil {
		return node.Image{}, fmt.Errorf("image %s: %w", ref, err)
	}
	return describe(ref, h, root, img)
}

// make has an image made that is not there, if somebody knows how.
func (s *Store) make(ctx context.Context, r reference.Named) (v1.Hash, error) {
	if s.cfg.Make == nil {
		return v1.Hash{}, missing(r)
	}
	made, err, _ := s.pulls.Do("make "+r.String(), func() (any, error) { return s.cfg.Make(ctx, r.String()) })
	if err != nil {
		return v1.Hash{}, err
	}
	if made == false {
		return v1.Hash{}, missing(r)
	}
	return s.find(r)
}

// missing tells the user how to make the image.
func missing(r reference.Named) error {
	if _, byDigest := r.(reference.Digested); byDigest {
		return fmt.Errorf("image %s: %w: nothing with this digest was built or pushed here", r, ErrNotFound)
	}
	tag := strings.TrimPrefix(r.String(), Host+"/")
	return fmt.Errorf("image %s: %w; build it with: sluice-local image build DIR --tag %s", r, ErrNotFound, tag)
}

// find looks for a reference in the store: by its name, or by its digest alone
// where the registry is ours.
func (s *Store) find(r reference.Named) (v1.Hash, error) {
	d, err := s.descriptor(r.String())
	if err == nil {
		return d.Digest, nil
	}
	byDigest, ok := r.(reference.Digested)
	if !ok || reference.Domain(r) != Host {
		return v1.Hash{}, err
	}
	h, parseErr := parseDigest(byDigest.Digest().String())
	if parseErr != nil {
		return v1.Hash{}, parseErr
	}
	if !s.hasBlob(h) {
		return v1.Hash{}, err
	}
	return h, nil
}

// fetch downloads an image into the store, with the user's own credentials if
// there are any.
func (s *Store) fetch(ctx context.Context, r reference.Named) (v1.Hash, error) {
	at, err := name.ParseReference(r.String())
	if err != nil {
		return v1.Hash{}, err
	}
	img, err := remote.Image(at, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return v1.Hash{}, fmt.Errorf("pull from %s: %w", reference.Domain(r), err)
	}
	digest, err := s.Put(r.String(), "", img)
	if err != nil {
		return v1.Hash{}, fmt.Errorf("pull from %s: %w", reference.Domain(r), err)
	}
	return v1.NewHash(digest)
}

// unpacked returns the directory with an image's files. A directory with its
// final name is complete; it gets that name last.
func (s *Store) unpacked(ctx context.Context, h v1.Hash, img v1.Image) (string, error) {
	root := filepath.Join(s.cfg.Unpacked, h.Hex)
	if _, err := os.Stat(root); err == nil {
		return root, nil
	}
	flight := s.pulls.DoChan(h.Hex, func() (any, error) {
		if _, err := os.Stat(root); err == nil {
			return nil, nil // done while we came here
		}
		return nil, unpack.To(root, img)
	})
	select {
	case done := <-flight:
		return root, done.Err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// Tidy removes what a killed process left half unpacked or half uploaded. Call
// it before the store is used, and only where no other process unpacks.
func (s *Store) Tidy() error {
	return errors.Join(unpack.Tidy(s.cfg.Unpacked), s.uploads.tidy())
}

func describe(ref string, h v1.Hash, root string, img v1.Image) (node.Image, error) {
	file, err := img.ConfigFile()
	if err != nil {
		return node.Image{}, fmt.Errorf("image %s: config: %w", ref, err)
	}
	c := file.Config
	return node.Image{
		Ref: ref, Digest: h.String(), Root: root,
		Entrypoint: c.Entrypoint, Cmd: c.Cmd, Env: c.Env, WorkingDir: c.WorkingDir, User: c.User,
	}, nil
}
