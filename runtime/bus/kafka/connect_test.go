package kafka

import (
	"crypto/tls"
	"log/slog"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/bustest"
)

// TestOpen_ByUserAndPassword publishes to a broker that asks who is there, over
// TLS by a certificate that only we believe.
func TestOpen_ByUserAndPassword(t *testing.T) {
	pair, ca := bustest.Certificate(t)
	c, err := kfake.NewCluster(
		kfake.NumBrokers(1), kfake.EnableSASL(), kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}}),
		kfake.Superuser(Plain, "till", "s3cret"), kfake.Superuser(ScramSHA256, "till", "s3cret"), kfake.Superuser(ScramSHA512, "till", "s3cret"),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	open := func(password, mechanism, ca string) (*Bus, error) {
		return Open(t.Context(), Config{
			Brokers: c.ListenAddrs(), TLS: bustest.Believing(t, ca), User: "till", Password: password, Mechanism: mechanism, Log: slog.New(slog.DiscardHandler),
		})
	}
	for _, mechanism := range []string{"", Plain, ScramSHA256, ScramSHA512} {
		t.Run("mechanism "+mechanism, func(t *testing.T) {
			b, err := open("s3cret", mechanism, ca)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.EnsureTopic(t.Context(), bus.TopicSpec{Name: "shop.orders"}); err != nil {
				t.Error(err)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
			if _, err := open("wrong-word", mechanism, ca); err == nil || strings.Contains(err.Error(), "wrong-word") {
				t.Errorf("a wrong password: %v", err)
			}
			if _, err := open("s3cret", mechanism, ""); err == nil || !strings.Contains(err.Error(), "certificate") {
				t.Errorf("a certificate of nobody: %v", err)
			}
		})
	}
	if _, err := open("s3cret", "GSSAPI", ca); err == nil || !strings.Contains(err.Error(), "write PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512") {
		t.Errorf("another mechanism: %v", err)
	}
}
