package sign

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/sluice-dev/sluice/runtime/build/registries"
)

// Names of cosign's signature specification.
const (
	typePayload = types.MediaType("application/vnd.dev.cosign.simplesigning.v1+json")
	annotation  = "dev.cosignproject.cosign/signature"
	claim       = "cosign container image signature"
)

// payload is what is signed, in the form called simple signing.
type payload struct {
	Critical critical       `json:"critical"`
	Optional map[string]any `json:"optional"`
}

type critical struct {
	Identity struct {
		Reference string `json:"docker-reference"`
	} `json:"identity"`
	Image struct {
		Digest string `json:"docker-manifest-digest"`
	} `json:"image"`
	Type string `json:"type"`
}

// Image signs an image that is in its registry. One that the key has signed
// stays as it is, and signatures of other keys stay beside.
func (k *Key) Image(ctx context.Context, ref registries.Image, digest v1.Hash) error {
	text, err := payloadOf(ref, digest)
	if err != nil {
		return err
	}
	at := ref.Reached.Context().Tag(digest.Algorithm + "-" + digest.Hex + ".sig")
	there, err := remote.Image(at, ref.Options(ctx)...)
	if notFound(err) {
		there = mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	} else if err != nil {
		return fmt.Errorf("signatures in %s: %w", at, err)
	}
	m, err := there.Manifest()
	if err != nil {
		return fmt.Errorf("signatures in %s: %w", at, err)
	}
	layer := static.NewLayer(text, typePayload)
	name, err := layer.Digest()
	if err != nil {
		return err
	}
	for _, l := range m.Layers {
		if l.Digest == name && k.made(l.Annotations[annotation], text) {
			return nil
		}
	}
	sum := sha256.Sum256(text)
	signature, err := ecdsa.SignASN1(rand.Reader, k.private, sum[:])
	if err != nil {
		return err
	}
	signed, err := mutate.Append(there, mutate.Addendum{
		Layer: layer, Annotations: map[string]string{annotation: base64.StdEncoding.EncodeToString(signature)},
	})
	if err != nil {
		return err
	}
	return remote.Write(at, signed, ref.Options(ctx)...)
}

// payloadOf is the same for the same image.
func payloadOf(ref registries.Image, digest v1.Hash) ([]byte, error) {
	p := payload{Critical: critical{Type: claim}}
	p.Critical.Identity.Reference = ref.Written.Context().Name()
	p.Critical.Image.Digest = digest.String()
	return json.Marshal(p)
}

// made reports whether a signature of text is this key's.
func (k *Key) made(signature string, text []byte) bool {
	b, err := base64.StdEncoding.DecodeString(signature)
	sum := sha256.Sum256(text)
	return err == nil && ecdsa.VerifyASN1(&k.private.PublicKey, sum[:], b)
}

func notFound(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}
