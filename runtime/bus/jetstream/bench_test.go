package jetstream

import (
	"testing"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/bustest"
)

// onDisk flushes its files each second.
func onDisk(b *testing.B) bus.Driver {
	d, err := Open(Config{Dir: b.TempDir(), Log: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.Close() })
	return d
}

// throughToDisk flushes before each answer.
func throughToDisk(b *testing.B) bus.Driver {
	d, err := Open(Config{Dir: b.TempDir(), Sync: SyncAlways, Log: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.Close() })
	return d
}

func BenchmarkJetStream(b *testing.B)       { bustest.Bench(b, Promises, onDisk) }
func BenchmarkJetStreamAlways(b *testing.B) { bustest.Bench(b, Promises, throughToDisk) }
func BenchmarkIdle1000(b *testing.B)        { bustest.BenchIdle(b, onDisk, 1000) }
