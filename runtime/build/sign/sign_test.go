package sign_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/crypto/nacl/secretbox"
	"golang.org/x/crypto/scrypt"

	"github.com/sluice-dev/sluice/runtime/build/registries"
	"github.com/sluice-dev/sluice/runtime/build/sign"
)

const password = "correct horse"

func newKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func block(kind string, b []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
}

// seal encrypts as cosign does, with n for scrypt.
func seal(t *testing.T, text []byte, n int) []byte {
	t.Helper()
	salt, nonce := []byte("0123456789abcdef0123456789abcdef"), [24]byte{1, 2, 3}
	derived, err := scrypt.Key([]byte(password), salt, n, 8, 1, 32)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]any{
		"kdf":        map[string]any{"name": "scrypt", "params": map[string]int{"N": n, "r": 8, "p": 1}, "salt": salt},
		"cipher":     map[string]any{"name": "nacl/secretbox", "nonce": nonce[:]},
		"ciphertext": secretbox.Seal(nil, text, &nonce, (*[32]byte)(derived)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// secret is the folder of a Secret.
func secret(t *testing.T, key, password string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"cosign.key": key, "cosign.password": password} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t *testing.T, key, password string) *sign.Key {
	t.Helper()
	k, err := sign.Read(secret(t, key, password), "build-signing")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func image(t *testing.T) (registries.Image, v1.Hash) {
	t.Helper()
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	ref, err := registries.Table{"local.dev": server.URL}.Find("local.dev/team/app:v1")
	if err != nil {
		t.Fatal(err)
	}
	return ref, v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("ab", 32)}
}

// signatures are the layers under the tag that cosign looks for.
func signatures(t *testing.T, ref registries.Image, digest v1.Hash) (*v1.Manifest, v1.Image) {
	t.Helper()
	img, err := remote.Image(ref.Reached.Context().Tag("sha256-" + digest.Hex + ".sig"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	return m, img
}

func TestImage_IsSignedAsCosignVerifiesIt(t *testing.T) {
	k := newKey(t, elliptic.P256())
	sec1, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]*sign.Key{
		"SEC 1":               read(t, block("EC PRIVATE KEY", sec1), ""),
		"PKCS#8":              read(t, block("PRIVATE KEY", pkcs8(t, k)), ""),
		"encrypted":           read(t, block("ENCRYPTED SIGSTORE PRIVATE KEY", seal(t, pkcs8(t, k), 1<<10)), password+"\n"),
		"encrypted, as of v1": read(t, block("ENCRYPTED COSIGN PRIVATE KEY", seal(t, pkcs8(t, k), 1<<10)), password),
	} {
		ref, digest := image(t)
		if err := key.Image(t.Context(), ref, digest); err != nil {
			t.Fatal(name, err)
		}
		m, img := signatures(t, ref, digest)
		if m.MediaType != "application/vnd.oci.image.manifest.v1+json" || m.Config.MediaType != "application/vnd.oci.image.config.v1+json" ||
			len(m.Layers) != 1 || m.Layers[0].MediaType != "application/vnd.dev.cosign.simplesigning.v1+json" {
			t.Fatalf("%s: %+v", name, m)
		}
		verify(t, name, &k.PublicKey, m, img)
	}
}

// verify checks the first signature and its claim.
func verify(t *testing.T, name string, public *ecdsa.PublicKey, m *v1.Manifest, img v1.Image) {
	t.Helper()
	layer, err := img.LayerByDigest(m.Layers[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	r, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"critical":{"identity":{"docker-reference":"local.dev/team/app"},"image":{"docker-manifest-digest":"sha256:` +
		strings.Repeat("ab", 32) + `"},"type":"cosign container image signature"},"optional":null}`
	if string(text) != want {
		t.Errorf("%s: signed is\n%s", name, text)
	}
	signature, err := base64.StdEncoding.DecodeString(m.Layers[0].Annotations["dev.cosignproject.cosign/signature"])
	sum := sha256.Sum256(text)
	if err != nil || !ecdsa.VerifyASN1(public, sum[:], signature) {
		t.Errorf("%s: the signature is not the key's, %v", name, err)
	}
}

func TestImage_IsSignedOnceByEachKey(t *testing.T) {
	ref, digest := image(t)
	first := read(t, block("PRIVATE KEY", pkcs8(t, newKey(t, elliptic.P256()))), "")
	second := read(t, block("PRIVATE KEY", pkcs8(t, newKey(t, elliptic.P256()))), "")
	for _, k := range []*sign.Key{first, first, second, first, second} {
		if err := k.Image(t.Context(), ref, digest); err != nil {
			t.Fatal(err)
		}
	}
	m, _ := signatures(t, ref, digest)
	if len(m.Layers) != 2 || m.Layers[0].Annotations["dev.cosignproject.cosign/signature"] == m.Layers[1].Annotations["dev.cosignproject.cosign/signature"] {
		t.Errorf("%d signatures of two keys: %+v", len(m.Layers), m.Layers)
	}
}

func TestRead_SaysWhatIsWrongAndNothingOfTheKey(t *testing.T) {
	k := pkcs8(t, newKey(t, elliptic.P256()))
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	heavy := strings.Replace(string(seal(t, k, 1<<10)), `"N":1024`, `"N":1073741824`, 1)
	const hidden = "c2VjcmV0"
	for name, c := range map[string]struct{ key, password, want string }{
		"none":           {"", password, "no Secret build-signing with the key cosign.key"},
		"no PEM":         {hidden, "", "cosign.key is no PEM"},
		"cut":            {block("PRIVATE KEY", k[:40]), "", "is damaged"},
		"public":         {block("PUBLIC KEY", k), "", "is public"},
		"named a secret": {block(hidden, k), "", "PEM of another kind"},
		"another curve":  {block("PRIVATE KEY", pkcs8(t, newKey(t, elliptic.P384()))), "", "key of another kind"},
		"another scheme": {block("PRIVATE KEY", pkcs8(t, edwards)), "", "key of another kind"},
		"no password":    {block("ENCRYPTED SIGSTORE PRIVATE KEY", seal(t, k, 1<<10)), "", "another password than cosign.password"},
		"its JSON":       {block("ENCRYPTED SIGSTORE PRIVATE KEY", []byte(hidden)), password, "is damaged"},
		"too heavy":      {block("ENCRYPTED SIGSTORE PRIVATE KEY", []byte(heavy)), password, "in a way that is not known here"},
	} {
		_, err := sign.Read(secret(t, c.key, c.password), "build-signing")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "cosign generate-key-pair") && name != "no password" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, line := range strings.Split(c.key, "\n") {
			if len(line) > 7 && strings.Contains(err.Error(), strings.Trim(line, "-")) || strings.Contains(err.Error(), password) {
				t.Errorf("%s: the error holds what is secret: %v", name, err)
			}
		}
	}
}
