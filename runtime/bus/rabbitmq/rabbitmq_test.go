package rabbitmq

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/bustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestRabbitMQ_Real sits the exam on a broker; make buses starts one.
func TestRabbitMQ_Real(t *testing.T) {
	address := os.Getenv("SLUICE_RABBITMQ")
	if address == "" {
		t.Skip("SLUICE_RABBITMQ names no broker; make buses starts one")
	}
	for _, kind := range []string{typeQuorum, typeClassic} {
		t.Run(kind, func(t *testing.T) {
			bustest.Run(t, Promises, func(*testing.T) bustest.Store {
				return bustest.Store{Quiet: 500 * time.Millisecond, Args: map[string]string{"queueType": kind}, Open: func(t *testing.T) bus.Driver {
					b, err := Open(Config{URL: address, Log: slog.New(slog.DiscardHandler)})
					if err != nil {
						t.Fatal(err)
					}
					return b
				}}
			})
		})
	}
}

func TestOpen_TellsNoPassword(t *testing.T) {
	for _, address := range []string{"amqp://u:sesame@127.0.0.1:1/", "http://u:sesame@h/%zz"} {
		if _, err := Open(Config{URL: address}); err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%v", err)
		}
	}
}

func TestOpen_CertificatesAreOfUse(t *testing.T) {
	_, err := Open(Config{URL: "amqp://u:sesame@127.0.0.1:1/", TLS: bustest.Believing(t, "")})
	if err == nil || !strings.Contains(err.Error(), "write amqps://") {
		t.Errorf("%v", err)
	}
}

// TestRabbitMQ_RealByTLS connects by a certificate that only we believe; make
// buses starts such a broker.
func TestRabbitMQ_RealByTLS(t *testing.T) {
	address, file := os.Getenv("SLUICE_RABBITMQ_TLS"), os.Getenv("SLUICE_RABBITMQ_CA")
	if address == "" {
		t.Skip("SLUICE_RABBITMQ_TLS names no broker; make buses starts one")
	}
	ca, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(Config{URL: address, TLS: bustest.Believing(t, string(ca))})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.EnsureTopic(t.Context(), bus.TopicSpec{Name: "by.tls"}); err != nil {
		t.Error(err)
	}
	if err := b.RemoveTopic(t.Context(), "by.tls"); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(Config{URL: address}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of nobody: %v", err)
	}
}
