package shim

import (
	"testing"
	"time"
)

// From the node's request to the program's first instruction, and to its end.
func BenchmarkKeeper_StartToEnd(b *testing.B) {
	for _, mode := range []Mode{Overlay, Bare} {
		b.Run(string(mode), func(b *testing.B) {
			r := newRoom(b, mode)
			var started time.Duration
			for b.Loop() {
				b.StopTimer()
				spec := r.spec("exit", "0")
				b.StartTimer()
				begin := time.Now()
				p, out := r.start(spec)
				started += time.Since(begin)
				<-p.Done()
				_ = out.Close()
			}
			b.ReportMetric(float64(started.Microseconds())/float64(b.N)/1000, "ms-to-start")
		})
	}
}
