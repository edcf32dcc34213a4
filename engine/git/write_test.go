package git

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCommit_PutsAFileBackAsGitWould over the file system, HTTP and ssh.
func TestCommit_PutsAFileBackAsGitWould(t *testing.T) {
	key, public := sshKey(t)
	for _, over := range []string{"a folder", "HTTP", "ssh"} {
		t.Run(over, func(t *testing.T) {
			c := newClone(t)
			c.write("other.yaml", "x")
			c.push("teams/shop/hello.yaml", "one")
			old := c.git("rev-parse", "HEAD:teams/shop/hello.yaml")
			head := c.push("teams/shop/hello.yaml", "two")
			config := Config{URL: c.bare}
			switch over {
			case "HTTP":
				c.git("-C", c.bare, "config", "http.receivepack", "true")
				_, config.URL = overHTTP(t, c)
			case "ssh":
				config = newSSHServer(t).config(c.bare)
			}
			r := open(t, config)
			if _, err := r.Head(t.Context()); err != nil {
				t.Fatal(err)
			}
			change := Change{
				Parent: head, Path: "teams/shop/hello.yaml", Blob: old, When: time.Unix(1_800_000_000, 0).UTC(),
				AuthorName: "Sluice", AuthorEmail: "sluice@example.com", Message: "Revert \"two\"\n\nIt failed.\n", SigningKeyFile: key,
			}
			hash, err := r.Commit(t.Context(), change)
			if err != nil {
				t.Fatal(err)
			}
			c.git("pull", "-q", "origin", "main")
			if got := c.git("log", "-1", "--format=%H|%an|%ae|%s|%b|%P"); got != hash+"|Sluice|sluice@example.com|Revert \"two\"|It failed.\n|"+head {
				t.Errorf("log: %q", got)
			}
			if got := c.git("show", "HEAD:teams/shop/hello.yaml") + c.git("show", "HEAD:other.yaml"); got != "onex" {
				t.Errorf("files: %q", got)
			}
			c.git("fsck", "--strict")
			allowed := filepath.Join(t.TempDir(), "allowed")
			if err := os.WriteFile(allowed, []byte("sluice@example.com "+public+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			c.git("-c", "gpg.ssh.allowedSignersFile="+allowed, "verify-commit", "HEAD")
			if err := r.Signed(t.Context(), hash, []string{public}); err != nil {
				t.Errorf("our own signature: %v", err)
			}
			if _, err := r.Commit(t.Context(), change); !errors.Is(err, ErrMoved) {
				t.Errorf("a branch that has moved: %v", err)
			}
		})
	}
}

// TestCommit_SaysWhyTheRemoteDoesNotTakeIt: a hook, as a protected branch has
// one, or a key that may only read.
func TestCommit_SaysWhyTheRemoteDoesNotTakeIt(t *testing.T) {
	for _, over := range []string{"HTTP", "ssh"} {
		t.Run(over, func(t *testing.T) {
			c := newClone(t)
			head := c.push("a.yaml", "a")
			hook := filepath.Join(c.bare, "hooks", "pre-receive")
			if err := os.WriteFile(hook, []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			c.git("-C", c.bare, "config", "http.receivepack", "true")
			config := newSSHServer(t).config(c.bare)
			if over == "HTTP" {
				config = Config{}
				_, config.URL = overHTTP(t, c)
			}
			r := open(t, config)
			if _, err := r.Head(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, err := r.Commit(t.Context(), Change{Parent: head, Path: "a.yaml", Blob: c.git("rev-parse", "HEAD:a.yaml")})
			if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "push refused: main: pre-receive hook declined; let this key or token push to main") {
				t.Errorf("a hook: %v", err)
			}
		})
	}
}

func TestCommit_OverSSHSaysThatTheKeyMayOnlyRead(t *testing.T) {
	c := newClone(t)
	head := c.push("a.yaml", "a")
	s := newSSHServer(t)
	s.readOnly.Store(true)
	r := open(t, s.config(c.bare))
	if _, err := r.Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := r.Commit(t.Context(), Change{Parent: head, Path: "a.yaml", Blob: c.git("rev-parse", "HEAD:a.yaml")})
	if !errors.Is(err, ErrAuth) || !strings.Contains(err.Error(), "ERROR: Permission to push denied") {
		t.Errorf("a key that may only read: %v", err)
	}
}
