package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/engine/status"
)

// ramped is hello with an annotation that says how traffic moves.
func ramped(target, annotation string) map[string]string {
	return map[string]string{"hello.yaml": strings.Replace(hello("hello", target), "metadata:\n", "metadata:\n  annotations: {"+annotation+"}\n", 1)}
}

const rampOfThree = `sluice.dev/ramp: "10,50,100 every 1m"`

// ramp brings hello with a ramp to its second revision's first step.
func (w *world) ramp() (first, second string) {
	w.t.Helper()
	w.push("one", ramped("one", rampOfThree))
	first = w.create("hello")
	w.ready(first)
	w.pass()
	w.push("two", ramped("two", rampOfThree))
	second = w.create("hello", first)
	w.ready(second)
	wantInOrder(w.t, w.pass(), "update VirtualService hello")
	return first, second
}

func wantInOrder(t testing.TB, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("writes %v, want %v", got, want)
	}
}

func (w *world) wantDefault(want string) {
	w.t.Helper()
	if got := w.routes("hello")["default"]; got != want {
		w.t.Errorf("routes: %s, want %s", got, want)
	}
}

func TestRollout_ARampGoesOnWithoutACommitAndAcrossARestart(t *testing.T) {
	w := newWorld(t)
	first, second := w.ramp()
	w.wantDefault("90% " + first + ", 10% " + second)
	if s := w.spec("hello"); s.State != status.Progressing || !strings.Contains(s.Reason, second+" has 10 % of the requests so far") || len(s.Rollouts) != 1 {
		t.Errorf("state: %+v", s)
	}
	if wait := w.engine.pass(t.Context(), false); wait != time.Minute {
		t.Errorf("looks again in %s", wait)
	}
	w.now = w.now.Add(59 * time.Second)
	w.start()
	wantWrites(t, w.pass())
	w.now = w.now.Add(time.Second)
	wantWrites(t, w.pass(), "update VirtualService hello")
	w.wantDefault("50% " + first + ", 50% " + second)
	w.now = w.now.Add(time.Minute)
	wantWrites(t, w.pass(), "update VirtualService hello")
	w.wantDefault("100% " + second)
	if s := w.spec("hello"); s.State != status.Ready || len(s.Rollouts) != 0 {
		t.Errorf("state: %+v", s)
	}
}

func TestRollout_KnativesDurationGoesOnInEvenSteps(t *testing.T) {
	const annotation = `serving.knative.dev/rollout-duration: "10s"`
	w := newWorld(t)
	w.push("one", ramped("one", annotation))
	first := w.create("hello")
	w.ready(first)
	w.pass()
	w.push("two", ramped("two", annotation))
	second := w.create("hello", first)
	w.ready(second)
	// One write for the first percent, one to record how long it took.
	wantWrites(t, w.pass(), "update VirtualService hello", "update VirtualService hello")
	w.wantDefault("99% " + first + ", 1% " + second)
	for step := 1; step <= 9; step++ {
		w.now = w.now.Add(time.Second)
		wantWrites(t, w.pass(), "update VirtualService hello")
	}
	w.wantDefault("100% " + second)
}

func TestRollout_ARevertTakesNoSteps(t *testing.T) {
	w := newWorld(t)
	first, _ := w.ramp()
	w.push("revert", ramped("one", rampOfThree))
	wantWrites(t, w.pass(), "update VirtualService hello")
	w.wantDefault("100% " + first)
}

func TestRollout_AWorseRevisionIsHeldAndEverybodyIsTold(t *testing.T) {
	w := newWorld(t)
	first, second := w.ramp()
	w.engine.worse = verdicts{{"default", second}: "10 of 20 requests failed"}
	wantWrites(t, w.pass(), "update VirtualService hello")
	w.wantDefault("100% " + first)
	s := w.spec("hello")
	if s.State != status.Failed || !strings.Contains(s.Reason, "on hold: 10 of 20 requests failed") {
		t.Errorf("state: %+v", s)
	}
	events := status.Between(w.reports[len(w.reports)-2], w.report())
	if len(events) == 0 || events[0].Type != status.RolloutFailed || events[0].Object != second {
		t.Errorf("events: %+v", events)
	}
	w.start() // what was held stays held
	w.now = w.now.Add(time.Hour)
	wantWrites(t, w.pass())
	w.wantDefault("100% " + first)
	w.push("three", ramped("three", rampOfThree))
	third := w.create("hello", first, second)
	w.ready(third)
	w.pass()
	w.wantDefault("90% " + first + ", 10% " + third)
}

func TestRollout_ABadRevisionNeverBegins(t *testing.T) {
	w := newWorld(t)
	w.push("one", ramped("one", rampOfThree))
	first := w.create("hello")
	w.ready(first)
	w.pass()
	w.push("two", ramped("two", rampOfThree))
	w.create("hello", first)
	w.now = w.now.Add(time.Hour)
	wantWrites(t, w.pass())
	w.wantDefault("100% " + first)
	if s := w.spec("hello"); !strings.Contains(s.Reason, "traffic stays on "+first) {
		t.Errorf("state: %+v", s)
	}
}
