package pki

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func load(t *testing.T, dir string) *Authority {
	t.Helper()
	a, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// server answers with the name of whoever calls, if its clients are known to
// the authority.
func server(t *testing.T, a, clients *Authority) *httptest.Server {
	t.Helper()
	cert, err := a.TLS(Identity{Name: "server", IPs: []net.IP{{127, 0, 0, 1}}})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := r.TLS.PeerCertificates[0].Subject
		io.WriteString(w, who.CommonName+" of "+strings.Join(who.Organization, ","))
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: clients.Pool(), ClientAuth: tls.RequireAndVerifyClientCert}
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, cfg *rest.Config) (string, error) {
	t.Helper()
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	resp, err := client.Get(cfg.Host)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

func TestAuthority_ClientAndServerTrustEachOther(t *testing.T) {
	a := load(t, t.TempDir())
	s := server(t, a, a)
	cfg, err := a.Rest(s.URL, Identity{Name: "admin", Group: AdminGroup})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := get(t, cfg); got != "admin of system:masters" {
		t.Errorf("server sees %q, %v", got, err)
	}
}

func TestAuthority_RefusesClientsOfAnother(t *testing.T) {
	a, other := load(t, t.TempDir()), load(t, t.TempDir())
	s := server(t, a, other)
	cfg, err := a.Rest(s.URL, Identity{Name: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := get(t, cfg); err == nil {
		t.Errorf("was let in: %q", got)
	}
}

func TestAuthority_SurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	first, again := load(t, dir), load(t, dir)
	if string(first.CAPEM()) != string(again.CAPEM()) {
		t.Error("the authority has changed")
	}
	a, err := first.TokenKeyFile()
	if err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(a)
	if _, err := again.TokenKeyFile(); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(a); string(before) != string(after) || len(after) == 0 {
		t.Error("the key that signs tokens has changed")
	}
}

func TestAuthority_HalfMadeIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ca.key"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	load(t, dir)
}

func TestAuthority_DamagedIsAnErrorThatNamesTheDirectory(t *testing.T) {
	dir := t.TempDir()
	load(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "ca.crt"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("error = %v", err)
	}
}

func TestIssue_ServersAreNoClientsAndLeavesNoAuthorities(t *testing.T) {
	a := load(t, t.TempDir())
	for _, tt := range []struct {
		who  Identity
		want x509.ExtKeyUsage
	}{
		{Identity{Name: "s", DNS: []string{"localhost"}}, x509.ExtKeyUsageServerAuth},
		{Identity{Name: "c"}, x509.ExtKeyUsageClientAuth},
	} {
		pair, err := a.TLS(tt.who)
		if err != nil {
			t.Fatal(err)
		}
		cert := pair.Leaf
		if len(cert.ExtKeyUsage) != 1 || cert.ExtKeyUsage[0] != tt.want || cert.IsCA {
			t.Errorf("%s: usage %v, authority %v", tt.who.Name, cert.ExtKeyUsage, cert.IsCA)
		}
		if life := cert.NotAfter.Sub(cert.NotBefore); life > 367*24*time.Hour {
			t.Errorf("%s: lives %v", tt.who.Name, life)
		}
	}
}

func TestKubeconfig_IsSelfContainedAndPrivate(t *testing.T) {
	dir := t.TempDir()
	a := load(t, filepath.Join(dir, "pki"))
	s := server(t, a, a)
	path := filepath.Join(dir, "kubeconfig")
	if err := a.Kubeconfig(path, s.URL, Identity{Name: "admin", Group: AdminGroup}); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "pki")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := get(t, cfg); got != "admin of system:masters" {
		t.Errorf("server sees %q, %v", got, err)
	}
}
