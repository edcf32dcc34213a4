package e2e

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// sshd is a real OpenSSH server that lets one key in, as whoever runs the
// tests.
type sshd struct {
	address, user string
	// key and knownHosts are what a client has, and the files that they are in.
	key, knownHosts         string
	keyFile, knownHostsFile string
}

// newSSHD starts one; it ends with the test.
func newSSHD(t *testing.T) sshd {
	t.Helper()
	program, err := exec.LookPath("sshd")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/sshd"); err != nil {
			t.Skip("these tests need an OpenSSH server: apt-get install openssh-server")
		}
	}
	who, err := user.Current()
	check(t, err)
	s, dir := sshd{user: who.Username}, t.TempDir()
	file := func(name, content string) string {
		name = filepath.Join(dir, name)
		check(t, os.WriteFile(name, []byte(content), 0o600))
		return name
	}
	s.address, err = freeAddress()
	check(t, err)
	_, port, err := net.SplitHostPort(s.address)
	check(t, err)
	hostKey, host := newKey(t)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // which clients that do not look prefer
	check(t, err)
	block, err := ssh.MarshalPrivateKey(other, "")
	check(t, err)
	private, public := newKey(t)
	s.key, s.knownHosts = private, knownhosts.Line([]string{s.address}, host)+"\n"
	s.keyFile, s.knownHostsFile = file("id", s.key), file("known_hosts", s.knownHosts)
	config := file("sshd_config", strings.Join([]string{
		"ListenAddress 127.0.0.1", "Port " + port, "HostKey " + file("host", hostKey), "HostKey " + file("other", string(pem.EncodeToMemory(block))), "PidFile none", "UsePAM no", "StrictModes no",
		"AuthorizedKeysFile " + file("authorized_keys", string(ssh.MarshalAuthorizedKey(public))),
		"PermitRootLogin prohibit-password", "PasswordAuthentication no", "",
	}, "\n"))
	if who.Uid == "0" {
		check(t, os.MkdirAll("/run/sshd", 0o755)) // where it wants to be when it has no rights
	}
	serve(t, program, config, s.address)
	return s
}

// newKey is a private key in OpenSSH's form and its public half.
func newKey(t *testing.T) (string, ssh.PublicKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	check(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	check(t, err)
	key, err := ssh.NewPublicKey(public)
	check(t, err)
	return string(pem.EncodeToMemory(block)), key
}

// serve runs sshd until the test ends, and waits until it listens.
func serve(t *testing.T, program, config, address string) {
	t.Helper()
	log := &strings.Builder{}
	server := exec.Command(program, "-D", "-e", "-f", config)
	server.Stderr = log
	check(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait() // killed processes end with an error
		if t.Failed() {
			t.Logf("sshd: %s", log)
		}
	})
	await(t, "listens", func() string {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return err.Error()
		}
		return map[bool]string{true: "listens"}[conn.Close() == nil]
	})
}

// url is that of a repository on this machine.
func (s sshd) url(path string) string { return "ssh://" + s.user + "@" + s.address + path }

// command is what has the git program use the key, and trust that server alone.
func (s sshd) command() string {
	return fmt.Sprintf("GIT_SSH_COMMAND=ssh -F none -i %s -o IdentitiesOnly=yes -o UserKnownHostsFile=%s -o StrictHostKeyChecking=yes -o BatchMode=yes", s.keyFile, s.knownHostsFile)
}
