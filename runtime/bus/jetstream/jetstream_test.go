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
	return bustest.Store{Lease: time.Second, Open: func(t *testing.T) bus.Driver {
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
