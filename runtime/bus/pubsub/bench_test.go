package pubsub

import (
	"log/slog"
	"testing"

	"cloud.google.com/go/pubsub/v2/pstest"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/bustest"
)

// BenchmarkPubSub measures the driver on a server in this process, which looks
// at every message every 10 ms: publishing says something, delivering little.
func BenchmarkPubSub(b *testing.B) {
	bustest.Bench(b, Promises, func(b *testing.B) bus.Driver {
		server := pstest.NewServer()
		d, err := Open(b.Context(), Config{Project: "bench", Endpoint: server.Addr, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _, _ = d.Close(), server.Close() })
		return d
	})
}
