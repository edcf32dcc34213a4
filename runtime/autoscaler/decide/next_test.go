package decide_test

import (
	"strings"
	"testing"
	"time"

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
	f.want(1, "", "1 request now (0 at pods, 1 waiting) and no pod")
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
	f.want(4, decide.LimitDown, "that would be 1 pod (")
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
