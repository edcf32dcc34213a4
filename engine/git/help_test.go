package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clone is a work tree made and used by the git program, with a bare
// repository that it pushes to.
type clone struct {
	t    testing.TB
	work string
	bare string
}

// newClone makes an empty bare repository and a clone of it.
func newClone(t testing.TB) *clone {
	t.Helper()
	dir := t.TempDir()
	c := &clone{t: t, work: filepath.Join(dir, "work"), bare: filepath.Join(dir, "repo.git")}
	run(t, dir, "init", "--quiet", "--bare", "--initial-branch=main", c.bare)
	run(t, dir, "init", "--quiet", "--initial-branch=main", c.work)
	c.git("remote", "add", "origin", c.bare)
	return c
}

// git runs git in the work tree and gives what it printed.
func (c *clone) git(args ...string) string {
	c.t.Helper()
	return run(c.t, c.work, args...)
}

// write puts a file into the work tree.
func (c *clone) write(name, content string) {
	c.t.Helper()
	path := filepath.Join(c.work, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// commit commits all there is and gives the hash.
func (c *clone) commit(message string) string {
	c.t.Helper()
	c.git("add", "--all")
	c.git("commit", "--quiet", "--allow-empty", "--message", message)
	return c.git("rev-parse", "HEAD")
}

// push writes a file, commits and pushes it, and gives the hash.
func (c *clone) push(name, content string) string {
	c.t.Helper()
	c.write(name, content)
	hash := c.commit("write " + name)
	c.git("push", "--quiet", "origin", "HEAD:main")
	return hash
}

// open reads the bare repository.
func (c *clone) open() *Repository { return open(c.t, Config{URL: c.bare}) }

func open(t testing.TB, config Config) *Repository {
	t.Helper()
	r, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// run runs git apart from the settings of whoever runs the tests.
func run(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, err := tryGit(dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryGit(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = gitEnv()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(stdout.String()), nil
}

func gitEnv() []string {
	return append(os.Environ(),
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com")
}

func head(t testing.TB, r *Repository) Snapshot {
	t.Helper()
	s, err := r.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// watch runs the repository's watch until the test ends.
func watch(t testing.TB, r *Repository) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	})
}

// await waits for a signal after which the branch is at the hash.
func await(t testing.TB, r *Repository, hash string) Snapshot {
	t.Helper()
	deadline := time.After(20 * time.Second)
	var last error
	for {
		select {
		case <-r.Changes():
			s, err := r.Head(t.Context())
			if err == nil && s.Commit.Hash == hash {
				return s
			}
			last = err
		case <-deadline:
			t.Fatalf("no signal led to %s; last error: %v", hash, last)
		}
	}
}

func paths(s Snapshot) []string {
	var names []string
	for _, e := range s.Files {
		names = append(names, e.Path)
	}
	return names
}

func entry(t testing.TB, s Snapshot, path string) Entry {
	t.Helper()
	for _, e := range s.Files {
		if e.Path == path {
			return e
		}
	}
	t.Fatalf("%q is not listed in %q", path, paths(s))
	return Entry{}
}

func read(t testing.TB, r *Repository, s Snapshot, path string) string {
	t.Helper()
	content, err := r.Blob(t.Context(), entry(t, s, path).Blob, 0)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// recorder is a log that can be searched.
func recorder() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, nil)), &b
}
