package clone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrMoved says that the branch got another commit since it was cloned.
var ErrMoved = errors.New("the branch has moved on")

// Clone is a bare clone of one branch, in a folder that Close removes.
type Clone struct{ dir, branch string }

// Open clones a branch.
func Open(ctx context.Context, url, branch string) (*Clone, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return nil, errors.New("git is not installed: this makes a commit with your own git, so that it has your name and credentials")
	}
	dir, err := os.MkdirTemp("", "sluice-clone-")
	if err != nil {
		return nil, err
	}
	c := &Clone{dir: dir, branch: branch}
	if _, err := c.run(ctx, nil, nil, "clone", "--quiet", "--bare", "--single-branch", "--branch", branch, "--", url, c.Dir()); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Dir is the bare repository.
func (c *Clone) Dir() string { return filepath.Join(c.dir, "clone.git") }

// Close removes the clone.
func (c *Clone) Close() { _ = os.RemoveAll(c.dir) }

// Commit makes a commit after parent in which path has that content. It is
// signed if the user's git signs commits.
func (c *Clone) Commit(ctx context.Context, parent, path string, content []byte, message string) (hash string, err error) {
	index := []string{"GIT_INDEX_FILE=" + filepath.Join(c.dir, "index")}
	git := func(in []byte, args ...string) (out string) {
		if err == nil {
			out, err = c.run(ctx, in, index, args...)
		}
		return out
	}
	git(nil, "read-tree", parent)
	blob := git(content, "hash-object", "-w", "--stdin")
	mode := "100644"
	if listed := git(nil, "ls-tree", parent, "--", ":(literal)"+path); strings.HasPrefix(listed, "100755 ") {
		mode = "100755"
	}
	git(nil, "update-index", "--add", "--cacheinfo", mode, blob, path)
	tree := git(nil, "write-tree")
	args := []string{"commit-tree", tree, "-p", parent, "-F", "-"}
	if signs, _ := c.run(ctx, nil, nil, "config", "--type=bool", "commit.gpgsign"); signs == "true" {
		args = append(args, "-S")
	}
	return git([]byte(message), args...), err
}

// Patch is what a commit changes, as `git show` has it.
func (c *Clone) Patch(ctx context.Context, commit string) (string, error) {
	return c.run(ctx, nil, nil, "show", "--format=", "--patch", commit)
}

// Push makes a commit the branch's newest. Where the branch has moved on since,
// it is ErrMoved.
func (c *Clone) Push(ctx context.Context, commit string) error {
	_, err := c.run(ctx, nil, nil, "push", "--quiet", "origin", commit+":refs/heads/"+c.branch)
	if err != nil && (strings.Contains(err.Error(), "(fetch first)") || strings.Contains(err.Error(), "(non-fast-forward)") || strings.Contains(err.Error(), "(stale info)")) {
		return fmt.Errorf("%w: %w", ErrMoved, err)
	}
	return err
}

// run runs git on the clone and gives what it printed.
func (c *Clone) run(ctx context.Context, in []byte, env []string, args ...string) (string, error) {
	git := exec.CommandContext(ctx, "git", args...)
	if args[0] != "clone" {
		git.Dir = c.Dir()
		env = append(env, "GIT_DIR="+c.Dir())
	}
	git.Env = append(os.Environ(), env...)
	git.Stdin = bytes.NewReader(in)
	var out, said bytes.Buffer
	git.Stdout, git.Stderr = &out, &said
	if err := git.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return strings.TrimRight(out.String(), "\n"), nil
}
