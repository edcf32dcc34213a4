package decide_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/runtime/autoscaler/decide"
)

func config(t *rapid.T) decide.Config {
	pick := func(label string, values ...string) string { return rapid.SampledFrom(values).Draw(t, label) }
	a := map[string]string{}
	for key, v := range map[string]string{
		"metric": pick("metric", "concurrency", "rps"), "target": pick("target", "", "1", "10", "150"),
		"min-scale": pick("min", "", "1", "2"), "max-scale": pick("max", "", "2", "7", "50"), "activation-scale": pick("activation", "", "2"),
		"scale-down-delay": pick("delay", "", "5s", "30s"), "window": pick("window", "", "6s", "20s"),
		"panic-threshold-percentage": pick("threshold", "", "110", "500"), "metric-aggregation-algorithm": pick("aggregation", "linear", "weighted-exponential"),
		"scale-to-zero-pod-retention-period": pick("retention", "", "10s"), "initial-scale": pick("initial", "", "2"),
	} {
		a[group+key] = v
	}
	return decide.ConfigFrom(a, rapid.SampledFrom([]int64{0, 1, 10}).Draw(t, "containerConcurrency"))
}

// step is one random observation.
func step(t *rapid.T, have int32) decide.Samples {
	n := func(label string, most int) int { return rapid.IntRange(0, most).Draw(t, label) }
	return decide.Samples{
		Concurrency: float64(n("concurrency", 300)), Requests: uint64(n("requests", 500)), InFlight: n("in flight", 200), Queued: n("queued", 200),
		Have: have, Ready: int32(n("ready", int(have))), Known: true, Initialised: true, Reachable: true,
	}
}

func pause(t *rapid.T) time.Duration {
	return time.Duration(rapid.OneOf(rapid.Int64Range(0, 1e8), rapid.Int64Range(0, 3e9), rapid.Int64Range(0, 9e10)).Draw(t, "pause"))
}

func TestNext_NeverLeavesItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := config(t)
		now, have := epoch, int32(rapid.IntRange(0, 5).Draw(t, "have"))
		st := decide.Begin(c, have, now)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now = now.Add(pause(t))
			s := step(t, have)
			var d decide.Decision
			st, d = decide.Next(st, s, now)
			if d.Want < min(c.MinScale, max(c.MaxScale, c.MinScale)) || c.MaxScale > 0 && d.Want > c.MaxScale {
				t.Fatalf("%d is not in [%d, %d]", d.Want, c.MinScale, c.MaxScale)
			}
			if s.InFlight+s.Queued > 0 && d.Want == 0 {
				t.Fatal("no pod for a request that is there")
			}
			if d.Again < 0 {
				t.Fatalf("again in %v", d.Again)
			}
			have = d.Want
		}
	})
}

func TestNext_IdleEndsAtTheLeast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := config(t)
		now, have := epoch, int32(rapid.IntRange(0, 50).Draw(t, "have"))
		st := decide.Begin(c, have, now)
		s := step(t, have)
		for range 10 {
			now = now.Add(pause(t))
			var d decide.Decision
			st, d = decide.Next(st, s, now)
			s = step(t, d.Want)
			have = d.Want
		}
		busy, idle := now, decide.Samples{Known: true, Initialised: true, Reachable: true}
		for {
			idle.Have, idle.Ready = have, have
			var d decide.Decision
			st, d = decide.Next(st, idle, now)
			have = d.Want
			if d.Again == 0 {
				break
			}
			if now = now.Add(d.Again); now.Sub(busy) > 10*time.Minute {
				t.Fatalf("still %d pods after %v: %s", have, now.Sub(busy), d.Reason)
			}
		}
		least := min(c.MinScale, max(c.MaxScale, c.MinScale))
		if c.MaxScale > 0 {
			least = min(least, c.MaxScale)
		}
		if have != least {
			t.Fatalf("ends with %d pods, not %d", have, least)
		}
	})
}

// From one state, that is. Of two that saw different loads the one that saw more
// may have asked for its pods earlier, and wait until it asks again.
func TestNext_MoreLoadNeverMeansFewerPods(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := config(t)
		now, have := epoch, int32(rapid.IntRange(1, 5).Draw(t, "have"))
		st := decide.Begin(c, have, now)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now = now.Add(pause(t))
			s := step(t, have)
			more := s
			more.Concurrency *= 1.5
			more.Requests *= 2
			more.Queued += rapid.IntRange(0, 50).Draw(t, "more")
			_, b := decide.Next(st, more, now)
			var a decide.Decision
			if st, a = decide.Next(st, s, now); b.Want < a.Want {
				t.Fatalf("more load: %d pods (%s), less: %d (%s)", b.Want, b.Reason, a.Want, a.Reason)
			}
			have = a.Want
		}
	})
}

func TestNext_NothingIsTakenAwayInPanic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := config(t)
		c.MaxScale = 0
		now, have, was := epoch, int32(1), false
		st := decide.Begin(c, have, now)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(pause(t))
			var d decide.Decision
			st, d = decide.Next(st, step(t, have), now)
			if was && d.Panic && d.Want < have {
				t.Fatalf("from %d to %d: %s", have, d.Want, d.Reason)
			}
			have, was = d.Want, d.Panic
		}
	})
}

func TestNext_TheSameInputGivesTheSameDecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := config(t)
		now := epoch
		st := decide.Begin(c, 1, now)
		var kept []decide.State
		var samples []decide.Samples
		var decisions []decide.Decision
		have := int32(1)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			now = now.Add(pause(t))
			s := step(t, have)
			kept, samples = append(kept, st), append(samples, s)
			var d decide.Decision
			st, d = decide.Next(st, s, now)
			decisions, have = append(decisions, d), d.Want
		}
		for i := range kept { // long after, from the states that were
			if _, d := decide.Next(kept[i], samples[i], decisions[i].At); d != decisions[i] {
				t.Fatal(cmp.Diff(decisions[i], d))
			}
		}
	})
}
