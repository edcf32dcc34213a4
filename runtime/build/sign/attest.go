package sign

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/sluice-dev/sluice/runtime/build/registries"
)

// Names of cosign's specification of attestations, and of DSSE, the envelope
// that they are in.
const (
	typeEnvelope  = types.MediaType("application/vnd.dsse.envelope.v1+json")
	typeStatement = "application/vnd.in-toto+json"
	annotationOf  = "predicateType"
	// maxEnvelope is how large an attestation is that is looked at.
	maxEnvelope = 64 << 20
)

// envelope is a statement with its signatures.
type envelope struct {
	PayloadType string              `json:"payloadType"`
	Payload     []byte              `json:"payload"` // JSON has it in base64
	Signatures  []envelopeSignature `json:"signatures"`
}

type envelopeSignature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// Attest signs an in-toto statement about an image that is in its registry,
// and puts it where cosign looks for it. It takes the place of the key's
// earlier one of that predicate type; those of other keys stay beside.
func (k *Key) Attest(ctx context.Context, ref registries.Image, digest v1.Hash, predicateType string, statement []byte) error {
	at := ref.Reached.Context().Tag(digest.Algorithm + "-" + digest.Hex + ".att")
	kept, err := k.others(ctx, ref, at, predicateType)
	if err != nil {
		return fmt.Errorf("attestations in %s: %w", at, err)
	}
	sum := sha256.Sum256(preauthenticated(statement))
	signature, err := ecdsa.SignASN1(rand.Reader, k.private, sum[:])
	if err != nil {
		return err
	}
	text, err := json.Marshal(envelope{typeStatement, statement, []envelopeSignature{{Sig: signature}}})
	if err != nil {
		return err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	attested, err := mutate.Append(img, append(kept, mutate.Addendum{
		Layer: static.NewLayer(text, typeEnvelope), Annotations: map[string]string{annotation: "", annotationOf: predicateType},
	})...)
	if err != nil {
		return err
	}
	return remote.Write(at, attested, ref.Options(ctx)...)
}

// others are the attestations that stay.
func (k *Key) others(ctx context.Context, ref registries.Image, at name.Tag, predicateType string) ([]mutate.Addendum, error) {
	there, err := remote.Image(at, ref.Options(ctx)...)
	if notFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := there.Manifest()
	if err != nil {
		return nil, err
	}
	var out []mutate.Addendum
	for _, d := range m.Layers {
		layer, err := there.LayerByDigest(d.Digest)
		if err != nil {
			return nil, err
		}
		if d.Annotations[annotationOf] == predicateType && k.attested(layer) {
			continue
		}
		out = append(out, mutate.Addendum{Layer: layer, Annotations: d.Annotations, MediaType: d.MediaType})
	}
	return out, nil
}

// attested reports whether an attestation is this key's.
func (k *Key) attested(layer v1.Layer) bool {
	r, err := layer.Compressed() // as it is in the registry
	if err != nil {
		return false
	}
	defer r.Close()
	var e envelope
	if json.NewDecoder(io.LimitReader(r, maxEnvelope)).Decode(&e) != nil || e.PayloadType != typeStatement {
		return false
	}
	sum := sha256.Sum256(preauthenticated(e.Payload))
	for _, s := range e.Signatures {
		if ecdsa.VerifyASN1(&k.private.PublicKey, sum[:], s.Sig) {
			return true
		}
	}
	return false
}

// preauthenticated is what DSSE signs: the type and the text, each with its
// length before it.
func preauthenticated(statement []byte) []byte {
	return append(fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(typeStatement), typeStatement, len(statement)), statement...)
}
