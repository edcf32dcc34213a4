package fetch_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// repository makes a bare repository by a shell script that works in a clone.
func repository(t *testing.T, script string) (bare string) {
	t.Helper()
	root := t.TempDir()
	bare = filepath.Join(root, "r.git")
	cmd := exec.Command("sh", "-ec", `git init -q --bare -b main "$BARE" && git clone -q "$BARE" work 2>/dev/null && cd work && git checkout -q -b main 2>/dev/null || true; `+script+` && git add -A && git commit -qm one && git push -q origin main --tags`)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "BARE="+bare, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return bare
}

// overHTTPS serves repositories to ada, whose password is secret, and gives
// the server's certificate.
func overHTTPS(t *testing.T, root string) (url, ca string) {
	t.Helper()
	where, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	program := &cgi.Handler{
		Stderr: io.Discard, Path: filepath.Join(strings.TrimSpace(string(where)), "git-http-backend"),
		Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null", "HOME=/nonexistent", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "ada" || password != "secret" {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		program.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

// sshServer runs what it is told by whoever has the key.
type sshServer struct{ addr, clientKey, knownHosts string }

func overSSH(t *testing.T) sshServer {
	t.Helper()
	_, client, err := ed25519.GenerateKey(nil)
	check(t, err)
	block, err := ssh.MarshalPrivateKey(client, "")
	check(t, err)
	mine, err := ssh.NewSignerFromKey(client)
	check(t, err)
	_, host, err := ed25519.GenerateKey(nil)
	check(t, err)
	signer, err := ssh.NewSignerFromKey(host)
	check(t, err)
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(mine.PublicKey().Marshal()) {
			return nil, os.ErrPermission
		}
		return nil, nil
	}}
	config.AddHostKey(signer)
	// A key of another kind, which whoever does not look at known_hosts prefers.
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	second, err := ssh.NewSignerFromKey(other)
	check(t, err)
	config.AddHostKey(second)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { listener.Close() })
	go accept(listener, config)
	addr := listener.Addr().String()
	return sshServer{addr: addr, clientKey: string(pem.EncodeToMemory(block)), knownHosts: knownhosts.Line([]string{addr}, signer.PublicKey())}
}

func accept(listener net.Listener, config *ssh.ServerConfig) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			_, channels, requests, err := ssh.NewServerConn(conn, config)
			if err != nil {
				return
			}
			go ssh.DiscardRequests(requests)
			for offered := range channels {
				if channel, requests, err := offered.Accept(); err == nil {
					go execute(channel, requests)
				}
			}
		}()
	}
}

// execute runs the one command of a channel by the shell, as sshd does.
func execute(channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	for req := range requests {
		var payload struct{ Command string }
		if req.Type != "exec" || ssh.Unmarshal(req.Payload, &payload) != nil {
			_ = req.Reply(false, nil)
			continue
		}
		_ = req.Reply(true, nil)
		cmd := exec.Command("sh", "-c", payload.Command)
		cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
		in, err := cmd.StdinPipe()
		if err != nil {
			return
		}
		go func() { // ends with the channel
			_, _ = io.Copy(in, channel)
			_ = in.Close()
		}()
		status := struct{ Status uint32 }{0}
		if cmd.Run() != nil {
			status.Status = 128
		}
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(&status))
		return
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run is what git says in a repository.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).Output()
	check(t, err)
	return string(out)
}
