package registry

import (
	"archive/tar"
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/sluice-dev/sluice/cmd/sluice-local/unpack"
)

func newStore(t *testing.T) *Store {
	t.Helper()
	dir := t.TempDir()
	s, err := New(Config{Dir: filepath.Join(dir, "registry"), Unpacked: filepath.Join(dir, "images"), Alias: "127.9.0.1:5000"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tarLayer makes a layer of headers; a regular file's content is its name.
func tarLayer(t *testing.T, headers ...tar.Header) v1.Layer {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(h.Name))
		}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte(h.Name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return static.NewLayer(buf.Bytes(), types.OCIUncompressedLayer)
}

func imageOf(t *testing.T, layers ...v1.Layer) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	img, err = mutate.Config(img, v1.Config{Entrypoint: []string{"/app"}, Cmd: []string{"serve"}, Env: []string{"A=b"}, WorkingDir: "/w", User: "65532"})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func put(t *testing.T, s *Store, ref string, img v1.Image) string {
	t.Helper()
	digest, err := s.Put(ref, "", img)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func TestStore_PullGivesFilesAndConfig(t *testing.T) {
	s := newStore(t)
	digest := put(t, s, "local.dev/hello:latest", imageOf(t, tarLayer(t, tar.Header{Name: "app", Typeflag: tar.TypeReg})))
	for _, ref := range []string{"local.dev/hello", "local.dev/hello:latest", "127.9.0.1:5000/hello", "local.dev/hello@" + digest} {
		got, err := s.Pull(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		if got.Digest != digest || got.Ref != ref || got.User != "65532" || got.WorkingDir != "/w" || got.Entrypoint[0] != "/app" || got.Cmd[0] != "serve" || got.Env[0] != "A=b" {
			t.Errorf("Pull(%s) = %+v, want digest %s", ref, got, digest)
		}
		if text, err := os.ReadFile(filepath.Join(got.Root, "app")); err != nil || string(text) != "app" {
			t.Errorf("app = %q, %v", text, err)
		}
	}
}

func TestStore_MissingImageSaysHowToBuildIt(t *testing.T) {
	_, err := newStore(t).Pull(t.Context(), "local.dev/nope:v1")
	if !errors.Is(err, ErrNotFound) {
		t.Fatalf("error = %v, want ErrNotFound", err)
	}
	for _, want := range []string{"local.dev/nope:v1", "sluice-local image build DIR --tag nope:v1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
}

func TestStore_MovedTagKeepsTheOldDigest(t *testing.T) {
	s := newStore(t)
	old := put(t, s, "local.dev/a:1", imageOf(t, tarLayer(t, tar.Header{Name: "old", Typeflag: tar.TypeReg})))
	put(t, s, "local.dev/a:1", imageOf(t, tarLayer(t, tar.Header{Name: "new", Typeflag: tar.TypeReg})))
	moved, err := s.Pull(t.Context(), "local.dev/a:1")
	if err != nil || moved.Digest == old {
		t.Fatalf("tag gives %s, %v; want the new digest", moved.Digest, err)
	}
	kept, err := s.Pull(t.Context(), "local.dev/a@"+old)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(kept.Root, "old")); err != nil {
		t.Error(err)
	}
}

func TestStore_IsAnOCILayout(t *testing.T) {
	s := newStore(t)
	img, err := random.Image(1<<12, 2)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "local.dev/hello:1", img)
	index, err := layout.ImageIndexFromPath(s.cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
}

func TestStore_DamagedBlobIsRefused(t *testing.T) {
	s := newStore(t)
	img := imageOf(t, tarLayer(t, tar.Header{Name: "app", Typeflag: tar.TypeReg}))
	put(t, s, "local.dev/hello:1", img)
	layers, _ := img.Layers()
	h, _ := layers[0].Digest()
	text, err := os.ReadFile(s.blobFile(h))
	if err != nil {
		t.Fatal(err)
	}
	text[600] ^= 1 // within the file's content
	if err := os.WriteFile(s.blobFile(h), text, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pull(t.Context(), "local.dev/hello:1"); !errors.Is(err, unpack.ErrDigest) {
		t.Errorf("error = %v, want %v", err, unpack.ErrDigest)
	}
	if left, _ := filepath.Glob(filepath.Join(s.cfg.Unpacked, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestStore_ConcurrentPullsUnpackOnce(t *testing.T) {
	s := newStore(t)
	put(t, s, "local.dev/hello:1", imageOf(t, tarLayer(t, tar.Header{Name: "app", Typeflag: tar.TypeReg})))
	var wg sync.WaitGroup
	inodes := make([]os.FileInfo, 16)
	for i := range inodes {
		wg.Go(func() {
			img, err := s.Pull(t.Context(), "local.dev/hello:1")
			if err != nil {
				t.Error(err)
				return
			}
			inodes[i], _ = os.Stat(filepath.Join(img.Root, "app"))
		})
	}
	wg.Wait()
	for _, info := range inodes {
		if !os.SameFile(inodes[0], info) {
			t.Error("two pulls gave different files")
		}
	}
}

func TestStore_TwoProcessesKeepEachOthersNames(t *testing.T) {
	a := newStore(t)
	b, err := New(a.cfg) // a second store on the same directory shares nothing in memory
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	img := imageOf(t, tarLayer(t, tar.Header{Name: "app", Typeflag: tar.TypeReg}))
	for i, s := range []*Store{a, b, a, b, a, b} {
		wg.Go(func() {
			if _, err := s.Put("local.dev/x:"+string(rune('a'+i)), "", img); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	entries, err := a.List()
	if err != nil || len(entries) != 6 {
		t.Errorf("%d names, %v; want 6", len(entries), err)
	}
}

func TestHandler_PushedImageComesBackAfterRestart(t *testing.T) {
	s := newStore(t)
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	ref, err := name.ParseReference(strings.TrimPrefix(srv.URL, "http://") + "/team/app:v1")
	if err != nil {
		t.Fatal(err)
	}
	want, err := random.Image(1<<16, 3)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Transport{}
	defer client.CloseIdleConnections()
	if err := remote.Write(ref, want, remote.WithTransport(client)); err != nil {
		t.Fatal(err)
	}
	again, err := New(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = again.Handler()
	got, err := remote.Image(ref, remote.WithTransport(client))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(got); err != nil {
		t.Error(err)
	}
	wantDigest, _ := want.Digest()
	if gotDigest, _ := got.Digest(); gotDigest != wantDigest {
		t.Errorf("digest %s, want %s", gotDigest, wantDigest)
	}
	if e, err := again.Lookup("local.dev/team/app:v1"); err != nil || e.Digest != wantDigest.String() {
		t.Errorf("Lookup = %+v, %v", e, err)
	}
	tags, err := remote.List(ref.Context(), remote.WithTransport(client))
	if err != nil || len(tags) != 1 || tags[0] != "v1" {
		t.Errorf("tags = %v, %v", tags, err)
	}
}

func TestHandler_RefusesWhatIsWrong(t *testing.T) {
	h := newStore(t).Handler()
	none := "sha256:" + strings.Repeat("0", 64)
	tests := []struct {
		name, method, path, body string
		status                   int
		says                     string
	}{
		{"deletion", http.MethodDelete, "/v2/a/manifests/1", "", 405, "ever deleted"},
		{"unknown tag", http.MethodGet, "/v2/a/manifests/1", "", 404, "MANIFEST_UNKNOWN"},
		{"unknown blob", http.MethodGet, "/v2/a/blobs/" + none, "", 404, "BLOB_UNKNOWN"},
		{"path as digest", http.MethodGet, "/v2/a/blobs/sha256:..%2f..%2findex.json", "", 400, "DIGEST_INVALID"},
		{"other hash", http.MethodGet, "/v2/a/blobs/sha512:" + strings.Repeat("0", 128), "", 400, "DIGEST_INVALID"},
		{"name with dots", http.MethodGet, "/v2/../manifests/1", "", 400, "NAME_INVALID"},
		{"manifest of blobs that are not here", http.MethodPut, "/v2/a/manifests/1", `{"config":{"digest":"` + none + `"}}`, 400, "push it first"},
		{"manifest that is none", http.MethodPut, "/v2/a/manifests/1", `[]`, 400, "MANIFEST_INVALID"},
		{"manifest under another digest", http.MethodPut, "/v2/a/manifests/" + none, `{}`, 400, "DIGEST_INVALID"},
		{"blob under another digest", http.MethodPost, "/v2/a/blobs/uploads/?digest=" + none, `x`, 400, "DIGEST_INVALID"},
		{"unknown upload", http.MethodPatch, "/v2/a/blobs/uploads/x", `x`, 404, "BLOB_UPLOAD_UNKNOWN"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, strings.NewReader(tt.body)))
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) {
				t.Errorf("%d %s, want %d and %q", w.Code, w.Body, tt.status, tt.says)
			}
		})
	}
}

func TestHandler_ChunkAtTheWrongPlaceIsRefused(t *testing.T) {
	h := newStore(t).Handler()
	begin := httptest.NewRecorder()
	h.ServeHTTP(begin, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v2/a/blobs/uploads/", nil))
	at := begin.Header().Get("Location")
	for i, tt := range []struct {
		span   string
		status int
	}{{"0-3", 202}, {"9-12", 416}, {"4-7", 202}} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPatch, at, strings.NewReader("abcd"))
		r.Header.Set("Content-Range", tt.span)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != tt.status {
			t.Errorf("chunk %d (%s): %d %s, want %d", i, tt.span, w.Code, w.Body, tt.status)
		}
	}
}

func TestLocalName(t *testing.T) {
	for tag, want := range map[string]string{
		"hello": "local.dev/hello:latest", "hello:v2": "local.dev/hello:v2", "local.dev/team/hello:v2": "local.dev/team/hello:v2",
		"": "", "Hello": "", "hello:": "", "hello@sha256:12": "", "../x": "",
	} {
		got, err := LocalName(tag)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("LocalName(%q) = %q, %v; want %q", tag, got, err, want)
		}
	}
}
