package decide_test

import (
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/autoscaler/decide"
)

func BenchmarkNext(b *testing.B) {
	for _, tt := range []struct {
		name  string
		pause time.Duration
		keys  map[string]string
	}{
		{"within a second", 10 * time.Millisecond, nil},
		{"every second", time.Second, nil},
		{"every second, window of an hour", time.Second, map[string]string{group + "window": "1h"}},
		{"every second, weighted, delayed", time.Second, map[string]string{group + "metric-aggregation-algorithm": "weighted-exponential", group + "scale-down-delay": "1m"}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			now := epoch
			st := decide.Begin(decide.ConfigFrom(tt.keys, 10), 5, now)
			s := decide.Samples{Concurrency: 35.5, InFlight: 30, Queued: 5, Requests: 300, Have: 5, Ready: 5, Known: true, Initialised: true, Reachable: true}
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(tt.pause)
				var d decide.Decision
				st, d = decide.Next(st, s, now)
				if d.Want == 0 {
					b.Fatal("no pod")
				}
			}
		})
	}
}
