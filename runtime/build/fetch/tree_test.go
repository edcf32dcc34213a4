package fetch_test

import (
	"archive/tar"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/build/fetch"
)

// serve answers with a tar of files, to who has the token.
func serve(t *testing.T, files map[string]string, before func(http.ResponseWriter) bool) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer token" || r.URL.Path != "/v1/source/beef":
			http.Error(w, "the token is not that of a build", http.StatusUnauthorized)
		case before == nil || before(w):
			out := tar.NewWriter(w)
			for name, text := range files {
				_ = out.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(text))})
				_, _ = out.Write([]byte(text))
			}
			_ = out.Close()
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func tree(t *testing.T, url, token string) (dir string, err error) {
	t.Helper()
	dir = t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "token"), []byte(token), 0o600))
	target := filepath.Join(dir, "workspace")
	return target, fetch.Tree{From: url, Hash: "beef", Target: target, TokenFile: filepath.Join(dir, "token"), Patience: 3 * time.Second, Say: t.Logf}.Run(t.Context())
}

func TestTree_AsksAgainWhileTheEngineIsReplaced(t *testing.T) {
	var asked atomic.Int32
	url := serve(t, map[string]string{"a/b": "text"}, func(w http.ResponseWriter) bool {
		switch asked.Add(1) {
		case 1:
			http.Error(w, "not read yet", http.StatusNotFound)
			return false
		case 2:
			panic(http.ErrAbortHandler) // in the midst of it
		}
		return true
	})
	dir, err := tree(t, url, "token")
	check(t, err)
	if b, err := os.ReadFile(filepath.Join(dir, "a/b")); err != nil || string(b) != "text" || asked.Load() != 3 {
		t.Errorf("%q, %v after %d", b, err, asked.Load())
	}
}

func TestTree_RefusesWhatIsNoSource(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"a is a pointer of Git LFS": {"a": "version https://git-lfs.github.com/spec/v1\noid sha256:00\n"},
		"path escapes":              {"../out": "x"},
	} {
		if _, err := tree(t, serve(t, files, nil), "token"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	began := time.Now()
	if _, err := tree(t, serve(t, nil, nil), "other"); err == nil || !strings.Contains(err.Error(), "not that of a build") || time.Since(began) > 2*time.Second {
		t.Errorf("with another token: %v", err)
	}
}

// What is too large is refused by its announced size, before a byte of it is
// written.
func TestTree_TwoGigabytesAreRefusedBeforeTheyAreRead(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = tar.NewWriter(w).WriteHeader(&tar.Header{Name: "data.bin", Typeflag: tar.TypeReg, Mode: 0o644, Size: 2_000_000_000})
		w.(http.Flusher).Flush()
	}))
	t.Cleanup(server.Close)
	dir, err := tree(t, server.URL, "token")
	if err == nil || !strings.Contains(err.Error(), "the source has 2000 MB or more, which is too large") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "data.bin")); err == nil {
		t.Error("it was begun")
	}
}
