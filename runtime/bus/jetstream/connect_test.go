package jetstream

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/bustest"
)

// reachable is a server that others reach; with a certificate by TLS alone.
func reachable(t *testing.T, certificates ...tls.Certificate) string {
	t.Helper()
	o := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true}
	if len(certificates) > 0 {
		o.TLSConfig, o.TLSTimeout = &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS12}, 5
	}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s.Addr().String()
}

// TestOpen_ByTLS connects to a server by a certificate that only we believe, and
// never without TLS where certificates are given.
func TestOpen_ByTLS(t *testing.T) {
	pair, ca := bustest.Certificate(t)
	secure, plain := reachable(t, pair), reachable(t)
	for _, tt := range []struct {
		name, url, ca string
		want          string // of the error; "" is none
	}{
		{"by its own CA", "tls://" + secure, ca, ""},
		{"whose server wants TLS", "nats://" + secure, ca, ""},
		{"of an unknown CA", "tls://" + secure, "", "certificate"},
		{"that has no TLS", "nats://" + plain, ca, "secure connection not available"},
	} {
		t.Run("a server "+tt.name, func(t *testing.T) {
			b, err := Open(Config{URL: tt.url, TLS: bustest.Believing(t, tt.ca), Log: quiet()})
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, want %s", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := b.EnsureTopic(t.Context(), bus.TopicSpec{Name: "shop.orders"}); err != nil {
				t.Error(err)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
