package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// clone is a work tree of the repository that the cluster watches.
type clone struct {
	t   *testing.T
	dir string
}

// newClone clones the repository, and gives it back as it was when the test ends.
func newClone(t *testing.T) clone {
	t.Helper()
	restoreAfter(t)
	c := clone{t: t, dir: filepath.Join(t.TempDir(), "demo")}
	if out, err := exec.Command("git", "clone", "-q", under.repo, c.dir).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v: %s", err, out)
	}
	return c
}

// git runs git in the clone and returns what it says.
func (c clone) git(args ...string) string {
	c.t.Helper()
	out, err := c.try(args...)
	if err != nil {
		c.t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return out
}

func (c clone) try(args ...string) (string, error) {
	return gitIn(c.dir, args...)
}

// gitIn runs git in a folder as Ada.
func gitIn(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// write writes a file of the clone.
func (c clone) write(path, content string) {
	c.t.Helper()
	path = filepath.Join(c.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// push commits all there is and pushes it; it returns the commit.
func (c clone) push(message string) string {
	c.t.Helper()
	c.git("add", "-A")
	c.git("commit", "-qm", message)
	c.git("push", "-q")
	return c.git("rev-parse", "HEAD")
}

// restoreAfter has the repository say, when the test ends, what it says now,
// whatever the test left in it.
func restoreAfter(t *testing.T) {
	t.Helper()
	before, err := gitIn(under.repo, "rev-parse", "main^{tree}")
	if err != nil {
		t.Fatalf("%s: %v: %s", under.repo, err, before)
	}
	t.Cleanup(func() {
		dropPreviews(t)
		now, err := gitIn(under.repo, "rev-parse", "main^{tree}")
		if err == nil && now == before {
			return
		}
		commit, err := gitIn(under.repo, "commit-tree", before, "-p", "main", "-m", "Leave", "-m", "Sluice-Prune: confirm")
		if err != nil {
			t.Errorf("git commit-tree: %v: %s", err, commit)
			return
		}
		if out, err := gitIn(under.repo, "update-ref", "refs/heads/main", commit); err != nil {
			t.Errorf("git update-ref: %v: %s", err, out)
		}
	})
}

// dropPreviews deletes the branches that a test previewed.
func dropPreviews(t *testing.T) {
	t.Helper()
	refs, err := gitIn(under.repo, "for-each-ref", "--format=%(refname)", "refs/heads/preview/")
	if err != nil {
		t.Errorf("git for-each-ref: %v: %s", err, refs)
	}
	for ref := range strings.FieldsSeq(refs) {
		if out, err := gitIn(under.repo, "update-ref", "-d", ref); err != nil {
			t.Errorf("git update-ref -d %s: %v: %s", ref, err, out)
		}
	}
}
