package registries

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Table maps names of registries to URLs where they answer.
type Table map[string]string

// FromEnv reads contract.EnvRegistries.
func FromEnv() Table { return Parse(os.Getenv(contract.EnvRegistries)) }

// Parse reads NAME=URL pairs, separated by commas.
func Parse(text string) Table {
	t := Table{}
	for pair := range strings.SplitSeq(text, ",") {
		if name, url, ok := strings.Cut(pair, "="); ok {
			t[name] = url
		}
	}
	return t
}

// Image is a reference with what is needed to reach it.
type Image struct {
	// Written is the reference as people know it, Reached the one to ask.
	Written, Reached name.Reference
	// Near registries answer on a network where compressing costs more than
	// it saves.
	Near bool
	auth authn.Authenticator
}

// Find reads a reference.
func (t Table) Find(ref string) (Image, error) {
	written, err := name.ParseReference(ref)
	if err != nil {
		return Image{}, fmt.Errorf("image %q: %w", ref, err)
	}
	img := Image{Written: written, Reached: written}
	auth, err := authn.DefaultKeychain.Resolve(written.Context().Registry)
	if err != nil {
		return Image{}, fmt.Errorf("image %s: credentials: %w", ref, err)
	}
	img.auth = auth
	url, mapped := t[written.Context().RegistryStr()]
	if !mapped {
		return img, nil
	}
	host, insecure := strings.CutPrefix(url, "http://")
	host = strings.TrimPrefix(host, "https://")
	options := []name.Option{}
	if insecure {
		options = append(options, name.Insecure)
	}
	sep := ":"
	if strings.HasPrefix(written.Identifier(), "sha256:") {
		sep = "@"
	}
	img.Near = insecure
	img.Reached, err = name.ParseReference(host+"/"+written.Context().RepositoryStr()+sep+written.Identifier(), options...)
	return img, err
}

// Options are those of every request for the image.
func (i Image) Options(ctx context.Context) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithAuth(i.auth)}
}

// At is the written reference with a digest, without its tag.
func (i Image) At(digest string) string { return i.Written.Context().Name() + "@" + digest }
