package memory

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/bustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory_KeepsItsPromises(t *testing.T) {
	bustest.Run(t, Promises, func(*testing.T) bustest.Store {
		b := New(Config{Log: slog.New(slog.DiscardHandler)})
		return bustest.Store{Open: func(*testing.T) bus.Driver { return b }}
	})
}
