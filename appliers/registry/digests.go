package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sluice-dev/sluice/engine"
)

// Config is what Digests are made of.
type Config struct {
	// Secrets reads pull secrets. Nil: everything is asked anonymously.
	Secrets Secrets
	// Mirrors maps registry names to the URLs where they answer, as
	// `local.dev` to `http://127.0.0.1:5000`; others answer under their own
	// names, over https.
	Mirrors map[string]string
	// Transport carries the requests. Default: http.DefaultTransport.
	Transport http.RoundTripper
}

// Digests resolves tags.
type Digests struct{ cfg Config }

var _ engine.Digests = (*Digests)(nil)

// New makes Digests. It touches nothing.
func New(cfg Config) (*Digests, error) {
	for host, address := range cfg.Mirrors {
		if u, err := url.Parse(address); err != nil || u.Host == "" {
			return nil, fmt.Errorf("registry: mirror of %s: %q: want a URL as http://127.0.0.1:5000", host, address)
		}
	}
	if cfg.Transport == nil {
		cfg.Transport = http.DefaultTransport
	}
	return &Digests{cfg}, nil
}

// Digest asks the image's registry. A reference that has a digest is given
// back as it is.
func (d *Digests) Digest(ctx context.Context, image engine.Image) (string, error) {
	if strings.Contains(image.Name, "@") {
		return image.Name, nil
	}
	written, err := name.ParseReference(image.Name)
	if err != nil {
		return "", fmt.Errorf("registry: %w", err)
	}
	asked, err := d.mirrored(written)
	if err != nil {
		return "", err
	}
	keychain, err := d.keychain(ctx, image)
	if err != nil {
		return "", err
	}
	auth, err := keychain.Resolve(written.Context())
	if err != nil {
		return "", fmt.Errorf("registry: credentials for %s: %w", written.Context().RegistryStr(), err)
	}
	found, err := remote.Head(asked, remote.WithContext(ctx), remote.WithAuth(auth), remote.WithTransport(d.cfg.Transport), remote.WithUserAgent("sluice"))
	if err != nil {
		return "", fmt.Errorf("registry %s: %s", written.Context().RegistryStr(), cause(err))
	}
	return repository(image.Name) + "@" + found.Digest.String(), nil
}

// mirrored is the same image where its registry really answers.
func (d *Digests) mirrored(written name.Reference) (name.Reference, error) {
	address, ok := d.cfg.Mirrors[written.Context().RegistryStr()]
	if !ok {
		return written, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	var options []name.Option
	if u.Scheme == "http" {
		options = append(options, name.Insecure)
	}
	out, err := name.ParseReference(u.Host+"/"+written.Context().RepositoryStr()+":"+written.Identifier(), options...)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	return out, nil
}

// repository is the image as written, without its tag: a colon after the last
// slash begins one.
func repository(image string) string {
	slash := strings.LastIndexByte(image, '/')
	if colon := strings.LastIndexByte(image, ':'); colon > slash {
		return image[:colon]
	}
	return image
}

// cause is the end of the chain: the URL in front of it names the token server.
func cause(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}

// anonymous is who asks where no Secret says otherwise.
var anonymous = authn.NewMultiKeychain()
