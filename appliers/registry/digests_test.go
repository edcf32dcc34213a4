package registry

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/sluice-dev/sluice/engine"
)

// serve is a registry with one image, team/app:v1. With a password it wants
// that of the user ada.
func serve(t *testing.T, password string) (host, digest string) {
	t.Helper()
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	open := httptest.NewServer(handler)
	t.Cleanup(open.Close)
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(strings.TrimPrefix(open.URL, "http://")+"/team/app:v1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	hash, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	guarded := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, got, _ := r.BasicAuth(); password != "" && (user != "ada" || got != password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(guarded.Close)
	return guarded.URL, hash.String()
}

func TestDigests_ATagIsWhatItsRegistrySays(t *testing.T) {
	url, digest := serve(t, "")
	host := strings.TrimPrefix(url, "http://")
	d, err := New(Config{Mirrors: map[string]string{"local.dev": url}})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ image, want, err string }{
		{image: host + "/team/app:v1", want: host + "/team/app@" + digest},
		{image: "local.dev/team/app:v1", want: "local.dev/team/app@" + digest},
		{image: "local.dev/team/app@" + digest, want: "local.dev/team/app@" + digest},
		{image: "local.dev/team/app", err: "registry local.dev: "},
		{image: "local.dev/team/App", err: "registry: could not parse reference"},
	}
	for _, tt := range tests {
		t.Run(tt.image, func(t *testing.T) {
			got, err := d.Digest(t.Context(), engine.Image{Namespace: "default", Name: tt.image})
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func secret(name, host, password string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Type: corev1.SecretTypeDockerConfigJson,
		Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":{"https://` + host + `/v1/":{"username":"ada","password":"` + password + `"}}}`)},
	}
}

func TestDigests_AskAsThePodWouldPull(t *testing.T) {
	url, digest := serve(t, "s3cret")
	host := strings.TrimPrefix(url, "http://")
	client := fake.NewClientset(
		secret("right", host, "s3cret"), secret("wrong", host, "wr0ng"), secret("elsewhere", "registry.example.com", "s3cret"),
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "default"}, ImagePullSecrets: []corev1.LocalObjectReference{{Name: "right"}}})
	d, err := New(Config{Secrets: Kube{client}})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		account string
		secrets []string
		ok      bool
	}{
		{name: "the pod's own secret", account: "other", secrets: []string{"right"}, ok: true},
		{name: "the account's secret", ok: true},
		{name: "a wrong password", secrets: []string{"wrong"}},
		{name: "of another registry", secrets: []string{"elsewhere"}},
		{name: "a secret that is not there", secrets: []string{"missing"}},
		{name: "nobody's", account: "other"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := d.Digest(t.Context(), engine.Image{Namespace: "default", Account: tt.account, Secrets: tt.secrets, Name: host + "/team/app:v1"})
			if tt.ok && (err != nil || got != host+"/team/app@"+digest) {
				t.Errorf("%q, %v", got, err)
			}
			if !tt.ok && (err == nil || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "wr0ng")) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestDigests_WaitNoLongerThanTheyMay(t *testing.T) {
	blocked := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-blocked }))
	defer server.Close()
	defer close(blocked)
	d, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Digest(ctx, engine.Image{Name: strings.TrimPrefix(server.URL, "http://") + "/app:v1"}); err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("%v", err)
	}
}

func TestNew_RefusesAMirrorThatIsNoURL(t *testing.T) {
	if _, err := New(Config{Mirrors: map[string]string{"local.dev": "nowhere"}}); err == nil || !strings.Contains(err.Error(), "local.dev") {
		t.Errorf("%v", err)
	}
}
