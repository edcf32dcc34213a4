package decide_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/runtime/autoscaler/decide"
)

var epoch = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// follow is a decider whose wishes come true at once.
type follow struct {
	t   *testing.T
	st  decide.State
	s   decide.Samples
	d   decide.Decision
	now time.Time
}

func newFollow(t *testing.T, c decide.Config, have int32) *follow {
	return &follow{t: t, st: decide.Begin(c, have, epoch), now: epoch,
		s: decide.Samples{Have: have, Ready: have, Known: true, Initialised: true, Reachable: true}}
}

// at decides when so much time has passed since the epoch.
func (f *follow) at(d time.Duration) decide.Decision {
	f.now = epoch.Add(d)
	f.st, f.d = decide.Next(f.st, f.s, f.now)
	f.s.Have, f.s.Ready, f.s.Requests = f.d.Want, f.d.Want, 0
	return f.d
}

// load sets a level of requests.
func (f *follow) load(inFlight, queued int) {
	f.s.InFlight, f.s.Queued, f.s.Concurrency = inFlight, queued, float64(inFlight+queued)
}

func (f *follow) want(n int32, limit decide.Limit, reason string) {
	f.t.Helper()
	if f.d.Want != n || f.d.Limit != limit || !strings.Contains(f.d.Reason, reason) {
		f.t.Errorf("at %v: want %d pods, limit %q, because %q; got %d, %q: %q", f.now.Sub(epoch), n, limit, reason, f.d.Want, f.d.Limit, f.d.Reason)
	}
}

func TestNext_FirstRequestWakesAtOnce(t *testing.T) {
	f := newFollow(t, decide.ConfigFrom(nil, 0), 0)
	f.load(0, 1)
	f.at(0)
	f.want(1, "", "1 requests now (0 at pods, 1 waiting) and no pod")
	if f.d.Again == 0 || f.d.Again > 60*time.Second {
		t.Errorf("looks again after %v", f.d.Again)
	}
}

func TestNext_ARushFromZeroGetsThePodsItNeedsAtOnce(t *testing.T) {
	f := newFollow(t, decide.ConfigFrom(map[string]string{group + "max-scale": "10"}, 1), 0)
	f.load(0, 100)
	f.at(0)
	f.want(10, decide.LimitMax, "100 requests now")
}

func TestNext_ActivationScaleIsTheLeastWhenWaking(t *testing.T) {
	f := newFollow(t, decide.ConfigFrom(map[string]string{group + "activation-scale": "5"}, 0), 0)
	f.load(0, 1)
	f.at(0)
	f.want(5, decide.LimitActivation, "and no pod")
}

func TestNext_FiftyClientsGetFivePodsAfterAMoment(t *testing.T) {
	f := newFollow(t, decide.ConfigFrom(nil, 10), 1)
	f.load(1, 0)
	f.at(0)
	for s := range 90 {
		f.at(time.Duration(s) * time.Second)
	}
	f.want(1, "", "1 requests at once on average over 60s, 7 per pod aimed at")
	f.load(10, 40)
	f.s.Concurrency = 1
	f.at(90 * time.Second)
	f.want(1, "", "")
	if f.d.Again != 62500*time.Microsecond {
		t.Errorf("looks again after %v", f.d.Again)
	}
	f.at(90*time.Second + f.d.Again)
	f.want(5, "", "50 requests now (10 at pods, 40 waiting), more than the ready pods take")
	if !f.d.Panic {
		t.Error("there is no panic")
	}
}

func TestNext_AMomentsCoincidenceIsNoRush(t *testing.T) {
	f := newFollow(t, decide.ConfigFrom(nil, 1), 1)
	f.load(1, 0)
	for i := range 200 {
		at := time.Duration(i) * 100 * time.Millisecond
		f.load(1, 1)
		f.s.Concurrency = 0.3
		f.at(at)
		f.load(0, 0)
		f.s.Concurrency = 0.3
		f.at(at + 20*time.Millisecond)
	}
	f.want(1, "", "")
}

func TestNext_ASmallQueueThatStandsRaisesToo(t *testing.T) {
	f := newFollow(t, decide.ConfigFrom(map[string]string{group + "target-utilization-percentage": "100"}, 10), 4)
	f.load(38, 0)
	for s := range 120 {
		f.at(time.Duration(s) * time.Second)
	}
	f.want(4, "", "")
	f.load(40, 5)
	f.at(120 * time.Second)
	f.at(121*time.Second + 900*time.Millisecond)
	f.want(4, "", "")
	f.at(122 * time.Second)
	f.want(5, "", "more than the ready pods take")
}

func TestNext_IdleGoesToZeroWhenTheWindowIsOver(t *testing.T) {
	f := newFollow(t, decide.ConfigFrom(nil, 0), 1)
	f.load(1, 0)
	f.at(0)
	f.at(500 * time.Millisecond)
	f.load(0, 0)
	f.s.Concurrency = 1
	f.at(700 * time.Millisecond)
	f.load(0, 0)
	at := 700 * time.Millisecond
	for f.d.Want > 0 && f.d.Again > 0 && at < 5*time.Minute {
		at += f.d.Again
		f.at(at)
	}
	f.want(0, "", "no request")
	if want := 60*time.Second + 700*time.Millisecond; at != want {
		t.Errorf("went to zero at %v, want %v", at, want)
	}
}

func TestNext_RetentionKeepsTheLastPodLonger(t *testing.T) {
	f := newFollow(t, decide.ConfigFrom(map[string]string{group + "window": "6s", group + "scale-to-zero-pod-retention-period": "30s"}, 0), 1)
	f.s.Requests = 1
	f.at(time.Second)
	f.at(6 * time.Second)
	f.want(1, decide.LimitWindow, "the last pod goes after 6s without")
	f.at(30 * time.Second)
	f.want(1, decide.LimitRetention, "no request; the last pod stays for 36s without")
	f.at(37 * time.Second)
	f.want(0, "", "no request")
	if f.at(37 * time.Second); f.d.Again != 0 {
		t.Errorf("an idle revision is looked at again after %v", f.d.Again)
	}
}

func TestNext_BoundsOfAReachableRevision(t *testing.T) {
	for _, tt := range []struct {
		name  string
		key   string
		value string
		load  int
		want  int32
		limit decide.Limit
	}{
		{"min-scale without load", "min-scale", "3", 0, 3, decide.LimitMin},
		{"max-scale under load", "max-scale", "2", 500, 2, decide.LimitMax},
	} {
		f := newFollow(t, decide.ConfigFrom(map[string]string{group + tt.key: tt.value}, 0), 0)
		f.load(tt.load, 0)
		f.at(0)
		if f.at(10 * time.Second); f.d.Want != tt.want || f.d.Limit != tt.limit {
			t.Errorf("%s: %+v", tt.name, f.d)
		}
	}
	c := decide.Defaults()
	c.ScaleToZero = false
	f := newFollow(t, c.With(nil, 0), 1)
	f.at(2 * time.Minute)
	f.want(1, decide.LimitZero, "no request")
}

func TestNext_ANewRevisionKeepsItsInitialScaleUntilItWasReady(t *testing.T) {
	f := newFollow(t, decide.ConfigFrom(map[string]string{group + "initial-scale": "3", group + "window": "6s"}, 0), 3)
	f.s.Initialised, f.s.Reachable = false, false
	f.at(0)
	f.at(5 * time.Minute)
	f.want(3, "", "not ready yet")
	f.s.Initialised = true
	f.at(5*time.Minute + time.Second)
	f.want(0, "", "no route leads to it")
}

func TestNext_WhatFailedGoesToZeroAtOnce(t *testing.T) {
	f := newFollow(t, decide.ConfigFrom(map[string]string{group + "min-scale": "3"}, 0), 3)
	f.s.Initialised, f.s.Reachable, f.s.Failed = false, false, true
	f.at(0)
	f.want(0, "", "did not become ready in time, and no route leads to it")
}

func TestNext_UnroutedRevisionEndsWhatIsUnderWay(t *testing.T) {
	f := newFollow(t, decide.ConfigFrom(map[string]string{group + "min-scale": "4"}, 10), 4)
	f.s.Reachable = false
	f.load(25, 0)
	f.at(time.Second)
	f.want(3, "", "no route leads to it")
	f.load(0, 0)
	f.at(2 * time.Second)
	f.want(0, "", "no route leads to it")
}

func TestNext_WithoutReportsNothingChanges(t *testing.T) {
	f := newFollow(t, decide.ConfigFrom(map[string]string{group + "window": "6s"}, 0), 3)
	f.s.Known = false
	for i := range 10 {
		f.at(time.Duration(i) * time.Minute)
		f.want(3, "", "no activator reports")
	}
	f.s.Known = true // and then it is as after a restart
	f.at(10 * time.Minute)
	f.want(3, decide.LimitPanic, "")
	f.at(10*time.Minute + 7*time.Second)
	f.want(1, decide.LimitDown, "")
	f.at(10*time.Minute + 9*time.Second)
	f.want(0, "", "no request")
}

func TestNext_ARestartTakesNothingAwayForOneWindow(t *testing.T) {
	f := newFollow(t, decide.ConfigFrom(nil, 10), 8)
	f.load(1, 0)
	for s := range 60 {
		f.at(time.Duration(s) * time.Second)
		f.want(8, decide.LimitPanic, "none is taken away")
	}
	f.at(61 * time.Second)
	f.want(4, decide.LimitDown, "that would be 1 pods")
}

func TestNext_RequestsPerSecond(t *testing.T) {
	f := newFollow(t, decide.ConfigFrom(map[string]string{group + "metric": "rps", group + "target": "10"}, 0), 1)
	for s := range 61 {
		f.s.Requests = uint64(min(s, 1) * 21)
		f.s.InFlight = 500
		f.at(time.Duration(s) * time.Second)
	}
	f.want(3, "", "requests/s on average over 60s, 7 per pod aimed at")
}

func TestNext_ClockSetBackIsNoTime(t *testing.T) {
	f := newFollow(t, decide.ConfigFrom(nil, 10), 1)
	f.load(5, 0)
	f.at(10 * time.Second)
	before := f.d
	f.at(time.Second)
	if f.d.Want != before.Want || f.d.StableValue != before.StableValue {
		t.Errorf("%+v", f.d)
	}
}

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

func TestNext_MoreLoadNeverMeansFewerPods(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := config(t)
		now, have := epoch, int32(rapid.IntRange(1, 5).Draw(t, "have"))
		less, more := decide.Begin(c, have, now), decide.Begin(c, have, now)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now = now.Add(pause(t))
			s := step(t, have)
			var a, b decide.Decision
			less, a = decide.Next(less, s, now)
			s.Concurrency *= 1.5
			s.Requests *= 2
			s.Queued += rapid.IntRange(0, 50).Draw(t, "more")
			more, b = decide.Next(more, s, now)
			if b.Want < a.Want {
				t.Fatalf("more load: %d pods (%s), less: %d (%s)", b.Want, b.Reason, a.Want, a.Reason)
			}
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
