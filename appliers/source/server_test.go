package source_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	kubetesting "k8s.io/client-go/testing"

	"github.com/sluice-dev/sluice/appliers/source"
	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/schema/contract"
)

// blobs are contents by hash.
type blobs map[string]string

func (b blobs) Blob(_ context.Context, hash string, _ int64) ([]byte, error) {
	if text, ok := b[hash]; ok {
		return []byte(text), nil
	}
	return nil, errors.New("no such blob")
}

// reviewer is an API server that knows tokens `namespace/account`.
func reviewer(t *testing.T) *fake.Clientset {
	t.Helper()
	client := fake.NewClientset()
	client.PrependReactor("create", "tokenreviews", func(a kubetesting.Action) (bool, apiruntime.Object, error) {
		review := a.(kubetesting.CreateAction).GetObject().(*authenticationv1.TokenReview)
		namespace, account, ok := strings.Cut(review.Spec.Token, "/")
		if ok && len(review.Spec.Audiences) == 1 && review.Spec.Audiences[0] == contract.SourceAudience {
			review.Status.Authenticated, review.Status.User.Username = true, "system:serviceaccount:"+namespace+":"+account
		}
		return true, review, nil
	})
	return client
}

func ask(t *testing.T, s *source.Server, tree, token string) (int, []byte) {
	t.Helper()
	server := httptest.NewServer(s)
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+contract.PathSource+tree, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return -1, nil // cut off
	}
	return resp.StatusCode, body
}

func TestServer_ServesATreeToItsNamespaceAlone(t *testing.T) {
	s, err := source.New(source.Config{Blobs: blobs{"1": "text", "2": "main"}, Client: reviewer(t)})
	if err != nil {
		t.Fatal(err)
	}
	s.Offer("shop", "beef", []git.Entry{{Path: "a/main", Blob: "1", Mode: git.Executable}, {Path: "link", Blob: "2", Mode: git.Symlink}})
	code, first := ask(t, s, "beef", "shop/default")
	if code != http.StatusOK {
		t.Fatalf("%d %s", code, first)
	}
	in := tar.NewReader(bytes.NewReader(first))
	h, err := in.Next()
	if err != nil || h.Name != "a/main" || h.Mode != 0o755 {
		t.Fatalf("%+v, %v", h, err)
	}
	if b, err := io.ReadAll(in); err != nil || string(b) != "text" {
		t.Fatalf("%q, %v", b, err)
	}
	if h, err = in.Next(); err != nil || h.Typeflag != tar.TypeSymlink || h.Linkname != "main" {
		t.Fatalf("%+v, %v", h, err)
	}
	if _, again := ask(t, s, "beef", "shop/other"); !bytes.Equal(first, again) {
		t.Error("the archive is not the same every time")
	}
	for _, c := range []struct {
		tree, token string
		want        int
	}{
		{"beef", "", http.StatusUnauthorized}, {"beef", "nonsense", http.StatusUnauthorized},
		{"beef", "other/default", http.StatusNotFound}, {"cafe", "shop/default", http.StatusNotFound},
	} {
		if code, _ := ask(t, s, c.tree, c.token); code != c.want {
			t.Errorf("tree %s for %q: %d, want %d", c.tree, c.token, code, c.want)
		}
	}
}

func TestServer_CutsOffWhatItCannotFinish(t *testing.T) {
	s, err := source.New(source.Config{Blobs: blobs{"1": strings.Repeat("x", 1<<20)}, Client: reviewer(t)})
	if err != nil {
		t.Fatal(err)
	}
	s.Offer("shop", "beef", []git.Entry{{Path: "a", Blob: "1"}, {Path: "b", Blob: "missing"}})
	if code, _ := ask(t, s, "beef", "shop/default"); code != -1 {
		t.Errorf("an answer that is not whole ends with %d", code)
	}
}
