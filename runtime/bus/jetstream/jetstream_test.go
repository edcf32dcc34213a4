package jetstream

import (
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/bustest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(envChild); dir != "" {
		child(dir) // never returns
	}
	goleak.VerifyTestMain(m)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// embedded is a server on a directory, which the first driver starts and the
// last one stops.
func embedded(t *testing.T) bustest.Store {
	dir := t.TempDir()
	var running *Bus
	return bustest.Store{Lease: time.Second, MovedFromElsewhere: true, Open: func(t *testing.T) bus.Driver {
		cfg := Config{Lease: time.Second, Log: quiet()}
		if running == nil || running.conn.IsClosed() {
			cfg.Dir = dir
		} else {
			cfg.Server = running.Server()
		}
		b, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Dir != "" {
			running = b
		}
		return b
	}}
}

func TestJetStream_KeepsItsPromises(t *testing.T) {
	bustest.Run(t, Promises, embedded)
}

// TestNATS_Real sits the exam on a server of another version than ours; make
// buses starts one.
func TestNATS_Real(t *testing.T) {
	address := os.Getenv("SLUICE_NATS")
	if address == "" {
		t.Skip("SLUICE_NATS names no server; make buses starts one")
	}
	promises := Promises
	promises.MaxBytes = 1 << 20 // a server's default
	bustest.Run(t, promises, func(*testing.T) bustest.Store {
		return bustest.Store{Lease: time.Second, MovedFromElsewhere: true, Open: func(t *testing.T) bus.Driver {
			b, err := Open(Config{URL: address, Lease: time.Second, Log: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			return b
		}}
	})
}
