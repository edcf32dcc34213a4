package git

import (
	"crypto/ed25519"
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
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// backend serves the repositories below a folder over smart HTTP, by git's
// own program.
type backend struct {
	*httptest.Server
	requests atomic.Int64
	sent     atomic.Int64
	// down answers 503, user and password ask for themselves.
	down           atomic.Bool
	user, password string
}

func newBackend(t testing.TB, root string, start func(*httptest.Server)) *backend {
	t.Helper()
	where, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{}
	program := &cgi.Handler{
		Stderr: io.Discard,
		Path:   filepath.Join(strings.TrimSpace(string(where)), "git-http-backend"),
		Env:    []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null", "HOME=/nonexistent"},
	}
	b.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b.requests.Add(1)
		user, password, _ := req.BasicAuth()
		switch {
		case b.down.Load():
			http.Error(w, "out of order", http.StatusServiceUnavailable)
		case b.user != "" && user == "":
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "who are you?", http.StatusUnauthorized)
		case user != b.user || password != b.password:
			http.Error(w, "not you", http.StatusForbidden)
		default:
			program.ServeHTTP(counting{w, &b.sent}, req)
		}
	}))
	start(b.Server)
	t.Cleanup(b.Close)
	return b
}

// counting counts the bytes of answers.
type counting struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c counting) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return c.ResponseWriter.Write(b)
}

// overHTTP serves the bare repository of c; its URL is the second value.
func overHTTP(t testing.TB, c *clone) (*backend, string) {
	b := newBackend(t, filepath.Dir(c.bare), (*httptest.Server).Start)
	return b, b.URL + "/" + filepath.Base(c.bare)
}

// sshServer lets one key in and runs git's programs for it.
type sshServer struct {
	t           testing.TB
	listener    net.Listener
	hostKey     ssh.Signer
	clientKey   string // its file
	connections atomic.Int64
	// readOnly refuses pushes as forges do.
	readOnly atomic.Bool
	work     sync.WaitGroup
	mu       sync.Mutex
	open     []net.Conn
}

func newSSHServer(t testing.TB) *sshServer {
	t.Helper()
	s := &sshServer{t: t, clientKey: filepath.Join(t.TempDir(), "id")}
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.clientKey, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	s.hostKey = newSigner(t)
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.work.Go(func() { s.accept(client.PublicKey()) })
	t.Cleanup(s.close)
	return s
}

func newSigner(t testing.TB) ssh.Signer {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// knownHosts writes a known_hosts file that has the given key for the server.
func (s *sshServer) knownHosts(key ssh.PublicKey) string {
	name := filepath.Join(s.t.TempDir(), "known_hosts")
	line := "example.com " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.hostKey.PublicKey()))) + "\n"
	if key != nil {
		line += knownhosts.Line([]string{s.listener.Addr().String()}, key) + "\n"
	}
	if err := os.WriteFile(name, []byte(line), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return name
}

// config reads a repository through the server.
func (s *sshServer) config(path string) Config {
	return Config{
		URL:  "ssh://git@" + s.listener.Addr().String() + path,
		Auth: Auth{SSHKeyFile: s.clientKey, KnownHostsFile: s.knownHosts(s.hostKey.PublicKey())},
	}
}

func (s *sshServer) close() {
	_ = s.listener.Close()
	s.hangUp()
	s.work.Wait()
}

// hangUp breaks all connections.
func (s *sshServer) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.open {
		_ = conn.Close()
	}
}

func (s *sshServer) accept(allowed ssh.PublicKey) {
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(allowed.Marshal()) {
			return nil, os.ErrPermission
		}
		return nil, nil
	}}
	config.AddHostKey(s.hostKey)
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.open = append(s.open, conn)
		s.mu.Unlock()
		s.work.Go(func() { s.serve(conn, config) })
	}
}

func (s *sshServer) serve(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	s.connections.Add(1)
	s.work.Go(func() { ssh.DiscardRequests(requests) })
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		s.work.Go(func() { s.execute(channel, requests) })
	}
}

// execute runs the one command of a channel by the shell, as sshd does.
func (s *sshServer) execute(channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	for req := range requests {
		var payload struct{ Command string }
		if req.Type != "exec" || ssh.Unmarshal(req.Payload, &payload) != nil {
			_ = req.Reply(false, nil)
			continue
		}
		_ = req.Reply(true, nil)
		if s.readOnly.Load() && strings.HasPrefix(payload.Command, "git-receive-pack") {
			payload.Command = "echo ERROR: Permission to push denied. >&2; exit 1"
		}
		cmd := exec.Command("sh", "-c", payload.Command)
		cmd.Env = gitEnv()
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
		if err := cmd.Run(); err != nil {
			status.Status = 128
		}
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(&status))
		return
	}
}
