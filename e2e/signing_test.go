package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/cmd/sluice/install"
	"github.com/sluice-dev/sluice/schema/contract"
)

// withSettings has the installation be another one until the test ends.
func withSettings(t *testing.T, change func(*install.Settings)) install.Settings {
	t.Helper()
	maps := kubeClient(t).CoreV1().ConfigMaps(contract.Namespace)
	before, err := maps.Get(t.Context(), install.ConfigMap, metav1.GetOptions{})
	check(t, err)
	var s install.Settings
	check(t, json.Unmarshal([]byte(before.Data[install.Key]), &s))
	write := func(text string) {
		setEngines(t, 0)
		now, err := maps.Get(context.Background(), install.ConfigMap, metav1.GetOptions{}) //nolint:usetesting // also in cleanups
		check(t, err)
		now.Data[install.Key] = text
		_, err = maps.Update(context.Background(), now, metav1.UpdateOptions{}) //nolint:usetesting // as above
		check(t, err)
		setEngines(t, 1)
	}
	change(&s)
	text, err := json.Marshal(s)
	check(t, err)
	t.Cleanup(func() { write(before.Data[install.Key]) })
	write(string(text))
	return s
}

// signingKey is a key pair, as cosign makes it or in its form.
type signingKey struct {
	secret map[string]string // the keys of the Secret
	public *ecdsa.PublicKey
	file   string // of the public half
}

func newSigningKey(t *testing.T, cosign string) signingKey {
	t.Helper()
	k := signingKey{file: filepath.Join(t.TempDir(), "cosign.pub")}
	if cosign != "" {
		cmd := exec.Command(cosign, "generate-key-pair")
		cmd.Dir, cmd.Env = filepath.Dir(k.file), append(os.Environ(), "COSIGN_PASSWORD=open sesame")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("cosign generate-key-pair: %v: %s", err, out)
		}
		private, err := os.ReadFile(filepath.Join(cmd.Dir, "cosign.key"))
		check(t, err)
		k.secret = map[string]string{"cosign.key": string(private), "cosign.password": "open sesame"}
	} else {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		check(t, err)
		der, err := x509.MarshalPKCS8PrivateKey(private)
		check(t, err)
		k.secret = map[string]string{"cosign.key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))}
		public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
		check(t, err)
		check(t, os.WriteFile(k.file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600))
	}
	text, err := os.ReadFile(k.file)
	check(t, err)
	block, _ := pem.Decode(text)
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	check(t, err)
	k.public, _ = public.(*ecdsa.PublicKey)
	return k
}

// With --build-signing-secret every image is signed by the key of the build's
// namespace, and cosign finds it so; without the Secret nothing is published.
func TestSigning_CosignVerifiesWhatABuildPublishes(t *testing.T) {
	if under.dir == "" {
		t.Skip("it changes the installation: KUBECONFIG needs SLUICE_DIR, the folder of sluice-local")
	}
	cosign := os.Getenv("SLUICE_COSIGN")
	if cosign == "" {
		t.Skip("takes half a minute: `make cosign` runs it, with cosign itself")
	}
	s := withSettings(t, func(s *install.Settings) { s.Builds.SigningSecret = "e2e-signing" })
	c := newClone(t)
	run := fmt.Sprint(time.Now().UnixNano())
	c.write("app/go.mod", "module app\n\ngo 1.24\n")
	c.write("app/main.go", "package main\n\nfunc main() { println(\""+run+"\") }\n")
	c.write("signed.yaml", "apiVersion: build.knative.dev/v1alpha1\nkind: Build\nmetadata: {name: e2e-signed}\nspec:\n  source: {git: {url: .}, subPath: app}\n"+
		"  template: {name: go, kind: ClusterBuildTemplate, arguments: [{name: IMAGE, value: local.dev/e2e-signed}]}\n")
	c.push("Without the key")
	awaitFor(t, buildPatience, "yes", func() string { return stands("e2e-signed", "Failed", "its namespace has no Secret e2e-signing") })

	k := newSigningKey(t, cosign)
	secrets := kubeClient(t).CoreV1().Secrets("default")
	_, err := secrets.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "e2e-signing"}, StringData: k.secret}, metav1.CreateOptions{})
	check(t, err)
	t.Cleanup(func() { check(t, secrets.Delete(context.Background(), "e2e-signing", metav1.DeleteOptions{})) })
	c.write("app/main.go", "package main\n\nfunc main() { println(\"with the key "+run+"\") }\n")
	c.push("With the key")
	awaitFor(t, buildPatience, "yes", func() string { return stands("e2e-signed", "Ready", "") })
	image := publishedBy(t, "e2e-signed")
	registry := strings.TrimPrefix(s.Builds.Registries["local.dev"], "http://")

	verifySignature(t, registry, image, k.public)
	at := registry + strings.TrimPrefix(image, "local.dev")
	verify := func(key, verb string, more ...string) (string, error) {
		args := append([]string{verb, "--key", key, "--insecure-ignore-tlog=true", "--allow-insecure-registry", "--allow-http-registry"}, more...)
		out, err := exec.Command(cosign, append(args, at)...).CombinedOutput()
		return string(out), err
	}
	out, err := verify(k.file, "verify")
	if err != nil || !strings.Contains(out, `"docker-manifest-digest":"`+image[strings.Index(image, "@")+1:]+`"`) {
		t.Errorf("cosign verify: %v: %s", err, out)
	}
	for _, kind := range []string{"slsaprovenance1", "spdxjson"} {
		if out, err := verify(k.file, "verify-attestation", "--type", kind); err != nil {
			t.Errorf("cosign verify-attestation --type %s: %v: %s", kind, err, out)
		}
	}
	other := newSigningKey(t, cosign).file
	if out, err := verify(other, "verify"); err == nil {
		t.Errorf("cosign believes another key: %s", out)
	}
	if out, err := verify(other, "verify-attestation", "--type", "slsaprovenance1"); err == nil {
		t.Errorf("cosign believes another key's provenance: %s", out)
	}
}

// publishedBy is the image that a build's newest run has published.
func publishedBy(t *testing.T, name string) (image string) {
	t.Helper()
	await(t, "published", func() string {
		for _, job := range jobsOf(t, name) {
			if image = job.Annotations[contract.AnnotationResult]; image != "" {
				return "published"
			}
		}
		return "not yet"
	})
	return image
}

// verifySignature reads the signature where cosign looks for it.
func verifySignature(t *testing.T, registry, image string, key *ecdsa.PublicKey) {
	t.Helper()
	name, digest, _ := strings.Cut(strings.TrimPrefix(image, "local.dev/"), "@")
	base := "http://" + registry + "/v2/" + name
	var m struct {
		Layers []struct {
			Digest      string
			Annotations map[string]string
		}
	}
	check(t, json.Unmarshal(read(t, base+"/manifests/"+strings.Replace(digest, ":", "-", 1)+".sig"), &m))
	if len(m.Layers) != 1 {
		t.Fatalf("signatures: %+v", m)
	}
	payload := read(t, base+"/blobs/"+m.Layers[0].Digest)
	contains(t, string(payload), digest)
	signature, err := base64.StdEncoding.DecodeString(m.Layers[0].Annotations["dev.cosignproject.cosign/signature"])
	check(t, err)
	if sum := sha256.Sum256(payload); !ecdsa.VerifyASN1(key, sum[:], signature) {
		t.Error("the signature is not the key's")
	}
}

// read is what a URL answers.
func read(t *testing.T, url string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	check(t, err)
	resp, err := http.DefaultClient.Do(req)
	check(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	check(t, err)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s", url, resp.Status, b)
	}
	return b
}
