package kafka

import (
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/bustest"
)

// brokersFor are real ones if SLUICE_KAFKA names them, else kfake.
func brokersFor(b *testing.B) []string {
	if real := os.Getenv("SLUICE_KAFKA"); real != "" {
		return strings.Split(real, ",")
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	return c.ListenAddrs()
}

func connected(b *testing.B) bus.Driver {
	d, err := Open(b.Context(), Config{Brokers: brokersFor(b), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.Close() })
	return d
}

func BenchmarkKafka(b *testing.B) { bustest.Bench(b, Promises, connected) }

// BenchmarkRaw is franz-go alone, with the same records, batches and callers: the
// peer of BenchmarkKafka/publish-batches-of-256.
func BenchmarkRaw(b *testing.B) {
	d := connected(b).(*Bus)
	if err := d.EnsureTopic(b.Context(), bus.TopicSpec{Name: "bench.raw"}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.RemoveTopic(b.Context(), "bench.raw") })
	var left atomic.Int64
	left.Store(int64(b.N))
	body := make([]byte, 256)
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for left.Add(-256) > -256 {
				records := make([]*kgo.Record, 256)
				for i := range records {
					records[i] = &kgo.Record{Topic: "bench.raw", Key: []byte("k"), Value: body, Headers: []kgo.RecordHeader{
						{Key: "ce_id", Value: []byte("1")}, {Key: "ce_source", Value: []byte("/bench")}, {Key: "ce_type", Value: []byte("t")},
					}}
				}
				if err := d.client.ProduceSync(b.Context(), records...).FirstErr(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
