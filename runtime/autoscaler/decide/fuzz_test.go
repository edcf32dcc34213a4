package decide_test

import (
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/autoscaler/decide"
)

func FuzzConfigFrom(f *testing.F) {
	f.Add("target", "10", int64(0))
	f.Add("window", "1h", int64(10))
	f.Add("panic-window-percentage", "1e300", int64(-1))
	f.Add("max-scale", "2147483647", int64(1))
	f.Fuzz(func(t *testing.T, key, value string, concurrency int64) {
		c := decide.ConfigFrom(map[string]string{group + key: value}, concurrency)
		switch {
		case !(c.Target() >= 0.01), c.StableWindow < 6*time.Second, c.StableWindow > time.Hour, c.PanicWindow < time.Second, c.PanicWindow > c.StableWindow:
			t.Fatalf("%+v", c)
		case c.PanicThreshold < 1.1, c.MinScale < 0, c.MaxScale < 0, c.InitialScale < 0, c.ScaleDownDelay < 0, c.Retention < 0:
			t.Fatalf("%+v", c)
		}
		st := decide.Begin(c, 1, epoch)
		_, d := decide.Next(st, decide.Samples{Concurrency: 3, InFlight: 3, Have: 1, Ready: 1, Known: true, Reachable: true}, epoch.Add(time.Minute))
		if d.Want < 0 || d.Want == 0 && c.MaxScale > 0 {
			t.Fatalf("%+v", d)
		}
	})
}
