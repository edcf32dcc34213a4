package rollout_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/engine/rollout"
	"github.com/sluice-dev/sluice/schema/desired"
)

// world is a route's share as commits, pods and the clock move it.
type world struct {
	state rollout.State
	in    rollout.Input
	ready map[string]bool
}

func begin(t *rapid.T) *world {
	w := &world{ready: map[string]bool{}}
	w.in = rollout.Input{Want: "a", Percent: rapid.Int64Range(0, 100).Draw(t, "percent"), Now: epoch, Ready: func(r string) bool { return w.ready[r] }}
	w.in.Rollout = rapid.SampledFrom([]desired.Rollout{
		knative, ramp, {Duration: time.Second}, {Duration: time.Hour}, {Steps: []int64{100}, Every: time.Second}, {Steps: []int64{33, 66, 100}, Every: 500 * time.Millisecond},
	}).Draw(t, "rollout")
	return w
}

// happen is one thing that may happen; it tells whether the newest revision
// may have less afterwards.
func (w *world) happen(t *rapid.T) (may bool) {
	revision := rapid.SampledFrom([]string{"a", "b", "c", "d"})
	w.in.Worse = ""
	switch rapid.IntRange(0, 6).Draw(t, "event") {
	case 0:
		w.in.Want = revision.Draw(t, "want")
		return true
	case 1:
		w.ready[revision.Draw(t, "ready")] = true
	case 2:
		w.ready[revision.Draw(t, "unready")] = false
		return true
	case 3:
		w.in.Worse = "it fails"
		return true
	case 4:
		w.in.Percent = rapid.Int64Range(0, 100).Draw(t, "percent")
		return true
	default:
		w.in.Now = w.in.Now.Add(time.Duration(rapid.Int64Range(0, int64(5*time.Minute)).Draw(t, "pause")))
	}
	return false
}

func TestNext_SumsToItsShareAndNeverLeadsToAnUnreadyRevision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := begin(t)
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			may := w.happen(t)
			before := w.state
			w.state = w.state.Next(w.in)
			check(t, w)
			if !may && before.Moving() && before.Newest() == w.state.Newest() {
				if was, is := before.Parts[len(before.Parts)-1].Percent, w.state.Parts[len(w.state.Parts)-1].Percent; is < was {
					t.Fatalf("%s fell from %d to %d: %+v", before.Newest(), was, is, w.state)
				}
			}
		}
	})
}

func check(t *rapid.T, w *world) {
	sum := int64(0)
	seen := map[string]bool{}
	for _, p := range w.state.Parts {
		if !w.ready[p.Revision] {
			t.Fatalf("%s is not ready: %+v", p.Revision, w.state)
		}
		if p.Percent < 0 || p.Percent == 0 && w.in.Percent > 0 || seen[p.Revision] {
			t.Fatalf("a part of nothing, or twice: %+v", w.state)
		}
		seen[p.Revision] = true
		sum += p.Percent
	}
	if len(w.state.Parts) > 0 && sum != w.in.Percent {
		t.Fatalf("parts sum to %d of %d: %+v", sum, w.in.Percent, w.state)
	}
	if len(w.state.Parts) == 0 && w.ready[w.in.Want] && (w.state.Held == nil) {
		t.Fatalf("nobody answers, though %s could", w.in.Want)
	}
	if h := w.state.Held; h != nil && (h.Revision != w.in.Want || w.state.Newest() == h.Revision) {
		t.Fatalf("held, and yet: %+v", w.state)
	}
}

func TestNext_EndsInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := begin(t)
		w.ready["a"], w.ready["b"] = true, true
		w.state = w.state.Next(w.in)
		w.in.Want = "b"
		w.state = w.state.Next(w.in)
		w.in.Now = w.in.Now.Add(time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(t, "write")))
		for n := 0; w.state.Moving(); n++ {
			if w.state = w.state.Next(w.in); w.state.Moving() {
				w.in.Now = w.state.Due
			}
			if n > 200 {
				t.Fatalf("never ends: %+v", w.state)
			}
		}
		// A size that is rounded down, as Knative does, takes up to half as long again.
		limit := w.in.Rollout.Duration*3/2 + time.Duration(len(w.in.Rollout.Steps))*w.in.Rollout.Every + 5*time.Second
		if took := w.in.Now.Sub(epoch); took > limit {
			t.Fatalf("took %s of %s", took, limit)
		}
	})
}

func TestNext_SameInputSameBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := begin(t)
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			w.happen(t)
			one := rollout.Encode(map[string]rollout.State{"x": w.state.Next(w.in)})
			two := rollout.Encode(map[string]rollout.State{"x": w.state.Next(w.in)})
			if one != two {
				t.Fatalf("%s\n%s", one, two)
			}
			again, ok := rollout.Decode(one)["x"]
			if !ok {
				t.Fatalf("what was written cannot be read: %s", one)
			}
			w.state = again
		}
	})
}
