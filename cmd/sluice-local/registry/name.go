package registry

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"
)

// Host is the registry name that specs use for this registry.
const Host = "local.dev"

// parse reads an image reference the way Kubernetes does, with the tag latest
// where there is none. The address in Config.Alias reads as Host.
func (s *Store) parse(ref string) (reference.Named, error) {
	if rest, ok := strings.CutPrefix(ref, s.cfg.Alias+"/"); ok && s.cfg.Alias != "" {
		ref = Host + "/" + rest
	}
	r, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return nil, fmt.Errorf("image %q: %w", ref, err)
	}
	if _, byDigest := r.(reference.Digested); byDigest {
		return r, nil
	}
	return reference.TagNameOnly(r), nil
}

// LocalName makes a full reference of NAME[:TAG] as a user types it; a name
// that has the registry already keeps it.
func LocalName(tag string) (string, error) {
	short := strings.TrimPrefix(tag, Host+"/")
	r, err := reference.ParseNamed(Host + "/" + short)
	if err != nil {
		return "", fmt.Errorf("image name %q: want NAME or NAME:TAG in lower case, such as hello:v2", short)
	}
	if _, byDigest := r.(reference.Digested); byDigest {
		return "", fmt.Errorf("image name %q: want a tag, not a digest", short)
	}
	return reference.TagNameOnly(r).String(), nil
}
