package sign_test

import (
	"context"
	"crypto/elliptic"
	"encoding/json"
	"io"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sluice-dev/sluice/runtime/build/registries"
)

// attestations are the statements under the tag that cosign looks for.
func attestations(t *testing.T, ref registries.Image, digest v1.Hash) (statements []string) {
	t.Helper()
	img, err := remote.Image(ref.Reached.Context().Tag("sha256-" + digest.Hex + ".att"))
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		r, err := l.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		var e struct {
			PayloadType string
			Payload     []byte
			Signatures  []struct{ Sig []byte }
		}
		if err := json.Unmarshal(b, &e); err != nil || e.PayloadType != "application/vnd.in-toto+json" || len(e.Signatures) != 1 {
			t.Errorf("%s: %v", b, err)
		}
		statements = append(statements, string(e.Payload))
	}
	return statements
}

func TestAttest_OneOfEachTypeAndKey(t *testing.T) {
	ref, digest := image(t)
	first := read(t, block("PRIVATE KEY", pkcs8(t, newKey(t, elliptic.P256()))), "")
	second := read(t, block("PRIVATE KEY", pkcs8(t, newKey(t, elliptic.P256()))), "")
	attest := func(by interface {
		Attest(ctx context.Context, ref registries.Image, digest v1.Hash, kind string, text []byte) error
	}, kind, text string) {
		t.Helper()
		if err := by.Attest(t.Context(), ref, digest, kind, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	attest(first, "provenance", `"one"`)
	attest(first, "sbom", `"parts"`)
	attest(second, "provenance", `"theirs"`)
	attest(first, "provenance", `"two"`)
	if got := strings.Join(attestations(t, ref, digest), " "); got != `"parts" "theirs" "two"` {
		t.Errorf("attestations: %s", got)
	}
}
