package usage

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"go.uber.org/goleak"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/sluice-dev/sluice/cmd/sluice-local/pki"
)

func authority(t *testing.T) *pki.Authority {
	t.Helper()
	a, err := pki.Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestServer_LetsTheAPIServerAloneIn(t *testing.T) {
	defer goleak.VerifyNone(t)
	own, front := authority(t), authority(t)
	cert, err := own.TLS(pki.Identity{Name: "usage", DNS: []string{DNSName}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{
		Source: &counter{}, Client: fake.NewClientset(), Listener: l, Cert: cert, Clients: front.Pool(), Log: slog.New(slog.DiscardHandler),
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	ask := func(issuer *pki.Authority) (code int, err error) {
		config := &tls.Config{RootCAs: own.Pool(), ServerName: DNSName}
		if issuer != nil {
			pair, err := issuer.TLS(pki.Identity{Name: "client"})
			if err != nil {
				t.Fatal(err)
			}
			config.Certificates = []tls.Certificate{pair}
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
		resp, err := client.Get("https://" + l.Addr().String() + root)
		if err != nil {
			return 0, err
		}
		return resp.StatusCode, resp.Body.Close()
	}
	if code, err := ask(front); code != http.StatusOK {
		t.Errorf("the API server: %d, %v", code, err)
	}
	for name, issuer := range map[string]*pki.Authority{"a user of the cluster": own, "nobody": nil} {
		if code, err := ask(issuer); err == nil {
			t.Errorf("%s is let in: %d", name, code)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
