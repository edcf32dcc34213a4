package memory

import (
	"log/slog"
	"testing"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/bustest"
)

func open(*testing.B) bus.Driver {
	return New(Config{Log: slog.New(slog.DiscardHandler), MaxBytes: 1 << 40})
}

func BenchmarkMemory(b *testing.B)   { bustest.Bench(b, Promises, open) }
func BenchmarkIdle1000(b *testing.B) { bustest.BenchIdle(b, open, 1000) }
