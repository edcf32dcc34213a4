package engine

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema/contract"
)

// seen are answers as the test says.
type seen map[string]contract.Answers

func (s seen) Answers(context.Context, []string) (map[string]contract.Answers, error) {
	out := map[string]contract.Answers{}
	for k, v := range s {
		out[k] = v
	}
	return out, nil
}

func answered(requests, errors float64) contract.Answers {
	return contract.Answers{Requests: requests, Errors: errors, Slow: append(make([]float64, 3), requests)}
}

// look passes until the next look at the answers is due.
func (w *world) lookAgain() []string {
	w.t.Helper()
	w.now = w.now.Add(watchEvery)
	return w.pass()
}

func TestWatch_ARevisionThatAnswersWorseGoesBack(t *testing.T) {
	w := newWorld(t)
	s := seen{}
	w.engine.cfg.Watch = s
	first, second := w.ramp()
	s["default/"+first], s["default/"+second] = answered(1000, 5), answered(10, 0)
	wantWrites(t, w.lookAgain())
	s["default/"+first], s["default/"+second] = answered(1500, 8), answered(60, 1)
	wantWrites(t, w.lookAgain())
	s["default/"+first], s["default/"+second] = answered(2000, 10), answered(100, 30)
	wantWrites(t, w.lookAgain(), "update VirtualService hello")
	w.wantDefault("100% " + first)
	spec := w.spec("hello")
	if spec.State != status.Failed || !strings.Contains(spec.Reason, "30 of 100 requests (30.0 %) failed") {
		t.Errorf("state: %+v", spec)
	}
	if len(w.engine.worse) != 0 && w.engine.watched.begun != nil {
		wantWrites(t, w.lookAgain())
	}
	w.push("again, something else between", ramped("three", rampOfThree))
	third := w.create("hello", first, second)
	w.ready(third)
	w.pass()
	w.wantDefault("90% " + first + ", 10% " + third)
	w.push("and the second again", ramped("two", rampOfThree))
	w.pass()
	w.lookAgain()
	if got := w.routes("hello")["default"]; !strings.HasSuffix(got, "% "+second) {
		t.Errorf("a template that came again is not tried again: %s", got)
	}
}

func TestWatch_WithoutAnswersARampGoesOn(t *testing.T) {
	w := newWorld(t)
	w.engine.cfg.Watch = seen{}
	first, second := w.ramp()
	w.now = w.now.Add(time.Minute)
	wantWrites(t, w.pass(), "update VirtualService hello")
	w.wantDefault("50% " + first + ", 50% " + second)
}

func TestWatch_WhoeverCountsMayBeginAnew(t *testing.T) {
	w := newWorld(t)
	s := seen{}
	w.engine.cfg.Watch = s
	first, second := w.ramp()
	s["default/"+first], s["default/"+second] = answered(1000, 0), answered(500, 0)
	w.lookAgain()
	s["default/"+first], s["default/"+second] = answered(10, 0), answered(5, 5)
	wantWrites(t, w.lookAgain())
	w.wantDefault("90% " + first + ", 10% " + second)
}
