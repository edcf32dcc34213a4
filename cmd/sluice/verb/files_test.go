package verb

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/engine/git"
)

// tree makes a folder with files.
func tree(t *testing.T, files ...string) folder {
	t.Helper()
	root := t.TempDir()
	for _, path := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("content of "+filepath.Base(path)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := openFolder(root)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFolder_ListsAsACommitWould(t *testing.T) {
	f := tree(t, "sluice/a.yaml", "sluice.yaml", "b.yaml", ".git/HEAD", "lib/.git", "lib/c.yaml")
	s, err := f.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range s.Files {
		got = append(got, e.Mode.String()+" "+e.Path)
	}
	// The slash sorts behind the dot, and a repository in it is a submodule.
	want := []string{"file b.yaml", "submodule lib", "file sluice.yaml", "file sluice/a.yaml"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFolder_ReadsItsFilesAndItsHistory(t *testing.T) {
	f := tree(t, "a.yaml")
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "."}, {"-c", "user.name=Ada", "-c", "user.email=a@b", "commit", "-qm", "one"}} {
		if out, err := exec.Command("git", append([]string{"-C", f.root}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
	}
	out, err := exec.Command("git", "-C", f.root, "rev-parse", "HEAD:a.yaml").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.root, "a.yaml"), []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	if f.past, err = git.New(git.Config{URL: f.root}); err != nil {
		t.Fatal(err)
	}
	s, err := f.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for blob, want := range map[string]string{s.Files[0].Blob: "new", strings.TrimSpace(string(out)): "content of a.yaml"} {
		if got, err := f.Blob(t.Context(), blob, 1<<20); err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", blob, got, err, want)
		}
	}
}
