package registry

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

// putRandom stores a random image and gives its digest.
func putRandom(t *testing.T, s *Store, name string) string {
	t.Helper()
	img, err := random.Image(100, 2)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := s.Put(name, "", img)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// aged makes everything in the store as old as that.
func aged(t *testing.T, s *Store, by time.Duration) {
	t.Helper()
	when := time.Now().Add(-by)
	for _, dir := range []string{s.blobDir(), s.cfg.Unpacked} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if err := os.Chtimes(filepath.Join(dir, e.Name()), when, when); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestCollect_KeepsWhatATagNamesOrAPodRunsAndWhatIsYoung(t *testing.T) {
	s, err := New(Config{Dir: t.TempDir(), Unpacked: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	first := putRandom(t, s, "local.dev/app:latest")
	second := putRandom(t, s, "local.dev/app:latest") // the tag moves on
	third := putRandom(t, s, "local.dev/app:latest")
	record := putRandom(t, s, "local.dev/app:sha256-"+first[len("sha256:"):])
	lost := putRandom(t, s, "local.dev/app:sha256-"+second[len("sha256:"):])
	bare := putRandom(t, s, "local.dev/app@"+putRandom(t, s, "local.dev/x:y"))
	for _, digest := range []string{first, second} {
		if err := os.Mkdir(filepath.Join(s.cfg.Unpacked, digest[len("sha256:"):]), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	used := map[string]bool{first: true}
	if out, err := s.Collect(used, time.Hour); err != nil || out != (Collected{}) {
		t.Fatalf("all is young, but %+v, %v", out, err)
	}
	aged(t, s, 2*time.Hour)
	out, err := s.Collect(used, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for digest, want := range map[string]bool{first: true, second: false, third: true, record: true, lost: false, bare: false} {
		h, err := v1.NewHash(digest)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.hasBlob(h); got != want {
			t.Errorf("%s is there: %v, want %v", digest, got, want)
		}
		if img, _, err := s.image(h); want {
			if err != nil {
				t.Error(err)
				continue
			}
			layers, err := img.Layers()
			if err != nil || len(layers) != 2 {
				t.Errorf("%d layers, %v", len(layers), err)
			}
			for _, l := range layers {
				if r, err := l.Compressed(); err != nil {
					t.Error(err)
				} else {
					r.Close()
				}
			}
		}
	}
	if out.Names != 2 || out.Blobs != 12 || out.Unpacked != 1 || out.Bytes == 0 {
		t.Errorf("%+v", out)
	}
}
