package registries

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

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

// Away reports whether an error says that a registry was away, and may be back.
func Away(err error) bool {
	if said, ok := errors.AsType[*transport.Error](err); ok {
		return said.Temporary()
	}
	return network(err)
}

// network reports whether nobody answered, or the answer was cut off.
func network(err error) bool {
	_, op := errors.AsType[*net.OpError](err)
	_, dns := errors.AsType[*net.DNSError](err)
	return op || dns || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
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
