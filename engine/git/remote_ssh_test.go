package git

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRemote_SSHTalksOnlyToTheHostItKnows(t *testing.T) {
	c := newClone(t)
	c.push("a", "a")
	s := newSSHServer(t)
	config := s.config(c.bare)
	config.Auth.KnownHostsFile = s.knownHosts(nil)
	if _, err := open(t, config).Head(t.Context()); !errors.Is(err, ErrHostKey) || !strings.Contains(err.Error(), "has no key of it") {
		t.Errorf("unknown host: %v", err)
	}
	config.Auth.KnownHostsFile = s.knownHosts(newSigner(t).PublicKey())
	if _, err := open(t, config).Head(t.Context()); !errors.Is(err, ErrHostKey) || !strings.Contains(err.Error(), "not the one") {
		t.Errorf("other key: %v", err)
	}
	config.Auth.KnownHostsFile = filepath.Join(t.TempDir(), "none")
	if _, err := open(t, config).Head(t.Context()); !errors.Is(err, ErrHostKey) {
		t.Errorf("no file: %v", err)
	}
	config.Auth.KnownHostsFile = ""
	if _, err := New(config); err == nil || !strings.Contains(err.Error(), "known_hosts") {
		t.Errorf("not configured: %v", err)
	}
	if n := s.connections.Load(); n != 0 {
		t.Errorf("%d connections came to be", n)
	}
}

func TestRemote_SSHSaysWhoIsNotLetIn(t *testing.T) {
	c := newClone(t)
	s := newSSHServer(t)
	config := s.config(c.bare)
	config.Auth.SSHKeyFile = newSSHServer(t).clientKey
	if _, err := open(t, config).Head(t.Context()); !errors.Is(err, ErrAuth) || !strings.Contains(err.Error(), "register the public half") {
		t.Errorf("other key: %v", err)
	}
	config.Auth.SSHKeyFile = filepath.Join(t.TempDir(), "none")
	if _, err := open(t, config).Head(t.Context()); !errors.Is(err, ErrAuth) {
		t.Errorf("no key: %v", err)
	}
}

func TestRemote_SSHKeepsOneConnectionAndMakesANewOneWhenItBreaks(t *testing.T) {
	c := newClone(t)
	c.push("a", "1")
	s := newSSHServer(t)
	r := open(t, s.config(c.bare))
	for range 3 {
		c.push("a", "2")
		head(t, r)
	}
	if n := s.connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	s.hangUp()
	hash := c.push("a", "3")
	if got := head(t, r); got.Commit.Hash != hash {
		t.Errorf("%+v", got)
	}
	if n := s.connections.Load(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

func TestRemote_SSHPathIsOneArgument(t *testing.T) {
	c := newClone(t)
	odd := filepath.Join(filepath.Dir(c.bare), `it's $(touch hacked) "odd"!`)
	hash := c.push("a", "a")
	if err := os.Rename(c.bare, odd); err != nil {
		t.Fatal(err)
	}
	config := newSSHServer(t).config("")
	config.URL += "/x"
	r := open(t, config)
	r.source.(*remote).dialer.(*sshDialer).place.path = odd
	if s := head(t, r); s.Commit.Hash != hash {
		t.Errorf("%+v", s)
	}
}
