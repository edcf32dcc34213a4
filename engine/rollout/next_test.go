package rollout_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/engine/rollout"
	"github.com/sluice-dev/sluice/schema/desired"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func all(string) bool { return true }

func but(names ...string) func(string) bool {
	return func(revision string) bool { return !slices.Contains(names, revision) }
}

// parts is who has how much, oldest first.
func parts(s rollout.State) string {
	var out []string
	for _, p := range s.Parts {
		out = append(out, fmt.Sprintf("%s %d", p.Revision, p.Percent))
	}
	return strings.Join(out, ", ")
}

func want(t *testing.T, s rollout.State, text string) {
	t.Helper()
	if got := parts(s); got != text {
		t.Errorf("got %s, want %s", got, text)
	}
}

var knative = desired.Rollout{Duration: time.Minute}
var ramp = desired.Rollout{Steps: []int64{1, 5, 25, 50, 100}, Every: 2 * time.Minute}

func TestNext_KnativesStepsAreEven(t *testing.T) {
	in := rollout.Input{Want: "a", Percent: 100, Ready: all, Rollout: knative, Now: epoch}
	s := rollout.State{}.Next(in)
	want(t, s, "a 100")
	in.Want = "b"
	s = s.Next(in)
	want(t, s, "a 99, b 1")
	in.Now = in.Now.Add(300 * time.Millisecond) // the first part is in force
	s = s.Next(in)
	want(t, s, "a 99, b 1")
	if s.Size != 2 || s.Every != 1 || !s.Due.Equal(in.Now.Add(time.Second)) {
		t.Errorf("60 s less one are 59 steps of round(99/59): %+v", s)
	}
	in.Now = in.Now.Add(999 * time.Millisecond)
	want(t, s.Next(in), "a 99, b 1")
	in.Now = s.Due
	s = s.Next(in)
	want(t, s, "a 97, b 3")
	steps := 1
	for ; s.Moving(); steps++ {
		in.Now = s.Due
		s = s.Next(in)
	}
	want(t, s, "b 100")
	if steps != 50 {
		t.Errorf("%d steps of 2 %%, want 50", steps)
	}
}

func TestNext_ASlowFirstStepMakesFewerSteps(t *testing.T) {
	in := rollout.Input{Want: "a", Percent: 50, Ready: all, Rollout: knative, Now: epoch}
	s := rollout.State{}.Next(in)
	in.Want = "b"
	s = s.Next(in)
	in.Now = in.Now.Add(9500 * time.Millisecond)
	s = s.Next(in)
	// The first took 10 s: 50 s are left, 5 steps of round(49/5).
	if s.Size != 10 || s.Every != 10 {
		t.Errorf("%+v", s)
	}
}

func TestNext_ANewerRevisionDrainsTheOneBeforeFirst(t *testing.T) {
	in := rollout.Input{Want: "c", Percent: 100, Ready: all, Rollout: knative, Now: epoch}
	s := rollout.State{Parts: []rollout.Part{{Revision: "a", Percent: 97}, {Revision: "b", Percent: 3}}, Began: epoch, Due: epoch.Add(time.Second), Size: 2, Every: 1}
	s = s.Next(in)
	want(t, s, "a 97, b 2, c 1")
	s = s.Next(in)
	in.Now = s.Due
	s = s.Next(in)
	want(t, s, "a 97, c 3")
}

func TestNext_ARampClimbs(t *testing.T) {
	in := rollout.Input{Want: "a", Percent: 100, Ready: all, Rollout: ramp, Now: epoch}
	s := rollout.State{}.Next(in)
	in.Want = "b"
	var got []string
	for s = s.Next(in); s.Moving(); s = s.Next(in) {
		got = append(got, parts(s))
		in.Now = s.Due
	}
	if text := strings.Join(got, "; "); text != "a 99, b 1; a 95, b 5; a 75, b 25; a 50, b 50" || in.Now.Sub(epoch) != 8*time.Minute {
		t.Errorf("after %s: %s", in.Now.Sub(epoch), text)
	}
	want(t, s, "b 100")
}

func TestNext_ARampIsOfTheShare(t *testing.T) {
	in := rollout.Input{Want: "b", Percent: 40, Ready: all, Rollout: ramp, Now: epoch}
	s := rollout.State{Parts: []rollout.Part{{Revision: "a", Percent: 40}}}.Next(in)
	want(t, s, "a 39, b 1")
	in.Now = s.Due
	want(t, s.Next(in), "a 38, b 2")
}

func TestNext_GoingBackTakesNoSteps(t *testing.T) {
	in := rollout.Input{Want: "a", Percent: 100, Ready: all, Rollout: ramp, Now: epoch}
	s := rollout.State{}.Next(in)
	in.Want = "b"
	s = s.Next(in)
	in.Want = "a"
	want(t, s.Next(in), "a 100")
	in.Want = "b"
	for s.Moving() {
		in.Now = s.Due
		s = s.Next(in)
	}
	in.Want = "a"
	s = s.Next(in)
	want(t, s, "a 100")
	in.Want = "b"
	want(t, s.Next(in), "b 100")
}

func TestNext_AWorseRevisionIsHeldUntilAnotherOneComes(t *testing.T) {
	in := rollout.Input{Want: "a", Percent: 100, Ready: all, Rollout: ramp, Now: epoch}
	s := rollout.State{}.Next(in)
	in.Want = "b"
	s = s.Next(in)
	in.Worse = "it fails"
	s = s.Next(in)
	want(t, s, "a 100")
	if s.Held == nil || s.Held.Revision != "b" || s.Held.Why != "it fails" {
		t.Fatalf("held: %+v", s.Held)
	}
	in.Worse, in.Now = "", in.Now.Add(time.Hour)
	want(t, s.Next(in), "a 100")
	in.Want = "c"
	s = s.Next(in)
	want(t, s, "a 99, c 1")
	if s.Held != nil {
		t.Errorf("still held: %+v", s.Held)
	}
}

func TestNext_AnUnreadyRevisionLosesItsPart(t *testing.T) {
	in := rollout.Input{Want: "b", Percent: 100, Ready: all, Rollout: ramp, Now: epoch}
	s := rollout.State{Parts: []rollout.Part{{Revision: "a", Percent: 100}}}.Next(in)
	in.Ready = but("b")
	s = s.Next(in)
	want(t, s, "a 100")
	in.Ready = all
	want(t, s.Next(in), "a 99, b 1")
	in.Ready = but("a", "b")
	want(t, s.Next(in), "")
}

func TestNext_WithoutARolloutWhatIsUnderWayEnds(t *testing.T) {
	in := rollout.Input{Want: "b", Percent: 100, Ready: all, Now: epoch}
	s := rollout.State{Parts: []rollout.Part{{Revision: "a", Percent: 99}, {Revision: "b", Percent: 1}}}
	want(t, s.Next(in), "b 100")
}

func TestNext_AfterALongPauseStepsAreTakenOneByOne(t *testing.T) {
	in := rollout.Input{Want: "b", Percent: 100, Ready: all, Rollout: ramp, Now: epoch}
	s := rollout.State{Parts: []rollout.Part{{Revision: "a", Percent: 100}}}.Next(in)
	in.Now = epoch.Add(time.Hour)
	s = s.Next(in)
	want(t, s, "a 95, b 5")
	if !s.Due.Equal(in.Now.Add(ramp.Every)) {
		t.Errorf("due %s", s.Due)
	}
}

func TestDecode_WhatSomebodyElseHasMadeOfItCountsAsNothing(t *testing.T) {
	for _, text := range []string{"", "{", `{"a":{"parts":[{"revision":"x","percent":101}]}}`, `{"a":{"parts":[{"percent":1}]}}`, `{"a":{"size":-1}}`} {
		if got := rollout.Decode(text); len(got) != 0 {
			t.Errorf("%s: %+v", text, got)
		}
	}
}
