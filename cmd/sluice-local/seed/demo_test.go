package seed

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
)

var files = fstest.MapFS{
	"hello.yaml":    {Data: []byte("kind: Service\n")},
	"hello/a.yaml":  {Data: []byte("a\n")},
	"hello-b.yaml":  {Data: []byte("b\n")},
	"hello/x/y.yml": {Data: []byte("y\n")},
}

func TestDemo_HasOneCommitWithTheFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo.git")
	if err := Demo(dir, "trunk", files); err != nil {
		t.Fatal(err)
	}
	repo, err := git.PlainOpen(dir)
	if err != nil {
		t.Fatal(err)
	}
	head, err := repo.Head()
	if err != nil || head.Name() != plumbing.NewBranchReferenceName("trunk") {
		t.Fatalf("HEAD = %v, %v", head, err)
	}
	commit, err := repo.CommitObject(head.Hash())
	if err != nil || commit.NumParents() != 0 {
		t.Fatalf("commit %v, %v", commit, err)
	}
	for name, want := range files {
		f, err := commit.File(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, _ := f.Contents(); got != string(want.Data) {
			t.Errorf("%s = %q, want %q", name, got, want.Data)
		}
	}
}

func TestDemo_IsWhatGitCallsSound(t *testing.T) {
	gitTool, err := exec.LookPath("git")
	if err != nil {
		t.Fatalf("git is needed for this test: %v", err)
	}
	base := t.TempDir()
	dir := filepath.Join(base, "demo.git")
	if err := Demo(dir, "main", files); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), gitTool, args...)
		cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run("-C", dir, "fsck", "--strict")
	clone := filepath.Join(base, "clone")
	run("clone", "-q", dir, clone)
	run("-C", clone, "commit", "-q", "--allow-empty", "-m", "second")
	run("-C", clone, "push", "-q", "origin", "main")
	if err := Demo(dir, "main", files); err != nil { // as the next start does
		t.Fatal(err)
	}
	if n := run("-C", dir, "rev-list", "--count", "main"); n != "2" {
		t.Errorf("%s commits after a second Demo, want 2", n)
	}
}

func TestDemo_FailureLeavesNothing(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "demo.git")
	if err := Demo(dir, "main", os.DirFS(filepath.Join(base, "nowhere"))); err == nil {
		t.Fatal("no error for files that are not there")
	}
	if left, _ := os.ReadDir(base); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
