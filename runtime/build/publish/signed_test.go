package publish_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sluice-dev/sluice/runtime/build/publish"
	"github.com/sluice-dev/sluice/runtime/build/registries"
	"github.com/sluice-dev/sluice/runtime/build/sign"
)

// key is the folder of a Secret and the key in it.
func key(t *testing.T) (dir string, k *sign.Key) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	write(t, filepath.Join(dir, "cosign.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	if k, err = sign.Read(dir, "build-signing"); err != nil {
		t.Fatal(err)
	}
	return dir, k
}

// leave writes an image as a step does.
func leave(t *testing.T, dir string) {
	t.Helper()
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := layout.Write(filepath.Join(dir, "oci"), mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img})); err != nil {
		t.Fatal(err)
	}
}

func TestPublish_SignedOrNotTheImageIsTheSame(t *testing.T) {
	_, k := key(t)
	dir := t.TempDir()
	leave(t, dir)
	images := map[string]bool{}
	for _, k := range []*sign.Key{nil, k} {
		server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true)))
		t.Cleanup(server.Close)
		table := registries.Table{"local.dev": server.URL}
		step := publish.Step{Image: "local.dev/app", Dir: dir, Registries: table, Key: k, Now: time.Now, Say: t.Logf}
		result, err := step.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		images[result.Image] = true
		ref, err := table.Find(result.Image)
		if err != nil {
			t.Fatal(err)
		}
		at := ref.Reached.Context().Tag(strings.Replace(ref.Reached.Identifier(), ":", "-", 1) + ".sig")
		if _, err := remote.Image(at); (err == nil) != (k != nil) {
			t.Errorf("with a key %v: signature: %v", k != nil, err)
		}
	}
	if len(images) != 1 {
		t.Errorf("%v", images)
	}
}

func TestPublish_FollowsNoLinkThatAStepLeft(t *testing.T) {
	secret, k := key(t)
	text, err := os.ReadFile(filepath.Join(secret, "cosign.key"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"sbom.spdx.json": "escapes", "digest": "escapes", "oci/blobs/sha256/" + strings.Repeat("0", 64): "neither a file nor a folder",
		"oci": "neither a file nor a folder",
	} {
		table, dir := world(t)
		if strings.Contains(name, ".") || strings.Contains(name, "/") {
			leave(t, dir)
		}
		if err := os.Symlink(filepath.Join(secret, "cosign.key"), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		step := publish.Step{Image: "local.dev/app", Dir: dir, Registries: table, Key: k, Now: time.Now, Say: t.Logf}
		_, err := step.Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), strings.Split(string(text), "\n")[1]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	table, dir := world(t)
	write(t, filepath.Join(dir, "digest"), string(text))
	step := publish.Step{Image: "local.dev/app", Dir: dir, Registries: table, Now: time.Now, Say: t.Logf}
	if _, err := step.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "is no digest") || strings.Contains(err.Error(), strings.Split(string(text), "\n")[1]) {
		t.Errorf("a digest that is none: %v", err)
	}
}
