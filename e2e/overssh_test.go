package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/engine/git"
)

// `sluice rollback` uses the git of whoever types it, so a repository behind
// ssh is one like any other.
func TestRollback_IsPushedOverSSH(t *testing.T) {
	s := newSSHD(t)
	c := newClone(t)
	c.write("behind.yaml", helloService("behind", "one"))
	c.push("One")
	awaitAnswer(t, host("behind"), hello("one"))
	c.write("behind.yaml", helloService("behind", "two"))
	c.push("Two")
	awaitAnswer(t, host("behind"), hello("two"))
	stop := crowd(t, host("behind"), hello("one"), hello("two"))
	program, err := binary("sluice")
	check(t, err)
	repo, err := filepath.Abs(under.repo)
	check(t, err)
	cmd := exec.Command(program, "rollback", "behind", "--repo", s.url(repo), "--branch", "main")
	cmd.Env = append(os.Environ(), s.command(), "GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("sluice rollback: %v: %s", err, out)
	}
	contains(t, string(out), "Pushed ")
	awaitAnswer(t, host("behind"), hello("one"))
	stop()
	c.git("pull", "-q")
	if got := c.git("log", "-1", "--format=%an: %s"); got != "Ada: Roll default/behind back to behind-00001" {
		t.Errorf("the commit: %s", got)
	}
}

// What the engine commits by itself is pushed by the key that it reads with,
// to the host that it knows.
func TestReverts_ArePushedOverSSH(t *testing.T) {
	s := newSSHD(t)
	dir := t.TempDir()
	c := clone{t: t, dir: filepath.Join(dir, "work")}
	bare := filepath.Join(dir, "bare.git")
	for _, args := range [][]string{{"init", "-q", "--bare", "-b", "main", bare}, {"clone", "-q", bare, c.dir}} {
		if out, err := gitIn(dir, args...); err != nil {
			t.Fatalf("git %s: %v: %s", args[0], err, out)
		}
	}
	c.git("checkout", "-q", "-b", "main")
	c.write("teams/a.yaml", "one")
	c.git("add", "-A")
	c.git("commit", "-qm", "One")
	c.git("push", "-q", "-u", "origin", "main")
	old := c.git("rev-parse", "HEAD:teams/a.yaml")
	c.write("teams/a.yaml", "two")
	head := c.push("Two")

	r, err := git.New(git.Config{URL: s.url(bare), Branch: "main", Auth: git.Auth{SSHKeyFile: s.keyFile, KnownHostsFile: s.knownHostsFile}})
	check(t, err)
	defer r.Close()
	_, err = r.Head(t.Context())
	check(t, err)
	change := git.Change{Parent: head, Path: "teams/a.yaml", Blob: old, When: time.Now(), Message: "Revert \"Two\"\n"}
	hash, err := r.Commit(t.Context(), change)
	check(t, err)
	c.git("pull", "-q")
	if got := c.git("rev-parse", "HEAD"); got != hash || c.git("show", "HEAD:teams/a.yaml") != "one" {
		t.Errorf("the branch is at %s, want %s", got, hash)
	}
	c.git("fsck", "--strict")
	if _, err := r.Commit(t.Context(), change); !errors.Is(err, git.ErrMoved) {
		t.Errorf("again: %v", err)
	}
	check(t, os.WriteFile(filepath.Join(bare, "hooks", "pre-receive"), []byte("#!/bin/sh\nexit 1\n"), 0o755))
	_, err = r.Head(t.Context())
	check(t, err)
	change.Parent, change.Blob = hash, c.git("rev-parse", head+":teams/a.yaml")
	if _, err := r.Commit(t.Context(), change); !errors.Is(err, git.ErrRefused) {
		t.Errorf("a protected branch: %v", err)
	}
}

// account makes a ServiceAccount with a Secret for the server.
func (s sshd) account(t *testing.T, name, key, knownHosts string) {
	t.Helper()
	buildAccount(t, name, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{"build.knative.dev/git-0": s.address}},
		Type:       corev1.SecretTypeSSHAuth,
		StringData: map[string]string{"ssh-privatekey": key, "known_hosts": knownHosts},
	})
}

// A private repository behind a real ssh server is read with the key of the
// build's account, where the host is known; else it is told why not.
func TestBuilds_APrivateRepositoryIsReadOverSSH(t *testing.T) {
	needLoopback(t)
	haveStep(t)
	s := newSSHD(t)
	run := fmt.Sprint(time.Now().UnixNano())
	p := servePrivate(t, "greeting "+run)
	p.url = s.url(p.bare)
	stranger, _ := newKey(t)
	_, impostor := newKey(t)
	s.account(t, "e2e-ssh", s.key, s.knownHosts)
	s.account(t, "e2e-ssh-key", stranger, s.knownHosts)
	s.account(t, "e2e-ssh-host", s.key, strings.Fields(s.knownHosts)[0]+" "+string(ssh.MarshalAuthorizedKey(impostor)))
	c := newClone(t)
	c.write("ssh.yaml", steps("e2e-ssh-read", p.from("e2e-ssh", "main"), "show=greeting"))
	c.write("key.yaml", steps("e2e-ssh-key", p.from("e2e-ssh-key", "main"), "show=greeting"))
	c.write("host.yaml", steps("e2e-ssh-host", p.from("e2e-ssh-host", "main"), "show=greeting"))
	c.push("Three builds over ssh")
	awaitState(t, "e2e-ssh-read", "Ready", "")
	contains(t, logs(t, "e2e-ssh-read"), "greeting "+run)
	awaitState(t, "e2e-ssh-key", "Failed", "register the public half of the Secret's ssh-privatekey")
	awaitState(t, "e2e-ssh-host", "Failed", "its key is not the one in known_hosts")
	p.hides(t, []string{"e2e-ssh-read", "e2e-ssh-key", "e2e-ssh-host"}, strings.Split(s.key, "\n")[2], strings.Split(stranger, "\n")[2])
}
