package autoscaler

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/runtime/stat"
)

// marks is a PodCosts that remembers.
type marks struct {
	mu    sync.Mutex
	costs map[string]int32
	err   error
}

func (m *marks) Mark(_ context.Context, _ string, costs map[string]int32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.costs == nil {
		m.costs = map[string]int32{}
	}
	for name, cost := range costs {
		if m.costs[name] = cost; cost == 0 {
			delete(m.costs, name)
		}
	}
	return m.err
}

func (m *marks) none() bool {
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.costs) == 0
}

func (m *marks) are(t *testing.T, want map[string]int32) {
	t.Helper()
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := cmp.Diff(want, m.costs); d != "" {
		t.Errorf("marks (-want +got):\n%s", d)
	}
}

// goingDown is a revision of four pods that is to have two from now on: a
// request has ended, and a window without it.
func goingDown(t *testing.T, m *marks) (*world, *Stream) {
	w := begin(t, Config{Costs: m})
	w.put("hello-1", 4, 4, annotated(map[string]string{"autoscaling.knative.dev/window": "6s"}))
	w.route("hello-1")
	s := w.a.Open()
	t.Cleanup(s.Close)
	return w, s
}

func withPods(f stat.Frame, pods ...stat.Pod) stat.Frame {
	f.Pods, f.Ready = pods, len(pods)
	return f
}

// The order to go down is carried out some time after it was written: until then
// the marks say who is meant.
func TestLeaving_MarksStayUntilThosePodsAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &marks{}
		w, s := goingDown(t, m)
		work := withPods(frame("hello-1", 10, 0, 4), stat.Pod{Name: "c", Retiring: true}, stat.Pod{Name: "d", Retiring: true}, stat.Pod{Name: "a", InFlight: 5}, stat.Pod{Name: "b", InFlight: 5})
		say(s, 9*time.Second, work)
		w.want("hello-1", 2)
		w.put("hello-1", 2, 4, annotated(map[string]string{"autoscaling.knative.dev/window": "6s"}))
		say(s, 5*time.Second, work)
		m.are(t, map[string]int32{"c": -1, "d": -1})
		w.put("hello-1", 2, 2, annotated(map[string]string{"autoscaling.knative.dev/window": "6s"}))
		say(s, 3*time.Second, withPods(frame("hello-1", 10, 0, 2), stat.Pod{Name: "a", InFlight: 5}, stat.Pod{Name: "b", InFlight: 5}))
		w.want("hello-1", 2)
	})
}

// A pod that Kubernetes does not call ready is taken first, even if it works.
func TestLeaving_WaitsUntilKubernetesCallsThoseReadyThatWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &marks{}
		w := begin(t, Config{Costs: m})
		w.put("hello-1", 4, 3, annotated(map[string]string{"autoscaling.knative.dev/window": "6s"}))
		w.route("hello-1")
		s := w.a.Open()
		defer s.Close()
		work := func(retiring bool) stat.Frame {
			return withPods(frame("hello-1", 10, 0, 4), stat.Pod{Name: "c", Retiring: retiring}, stat.Pod{Name: "d", Retiring: retiring}, stat.Pod{Name: "a", InFlight: 5}, stat.Pod{Name: "b", InFlight: 5})
		}
		say(s, 20*time.Second, work(false)) // 10 requests want two pods
		w.want("hello-1", 4)
		m.are(t, nil)
		w.put("hello-1", 4, 4, annotated(map[string]string{"autoscaling.knative.dev/window": "6s"}))
		say(s, 3*time.Second, work(false))
		m.are(t, map[string]int32{"c": -1, "d": -1})
		say(s, 4*time.Second, work(true))
		w.want("hello-1", 2)
	})
}

func TestLeaving_IdlePodsGoFirstAndBusyOnesWhenTheyAreDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &marks{}
		w, s := goingDown(t, m)
		busy := withPods(frame("hello-1", 10, 0, 4), stat.Pod{Name: "d"}, stat.Pod{Name: "b", InFlight: 1}, stat.Pod{Name: "a", InFlight: 4}, stat.Pod{Name: "c", InFlight: 5})
		say(s, 7*time.Second, busy) // 10 requests want two pods
		w.want("hello-1", 4)
		m.are(t, map[string]int32{"d": -1, "b": -1})

		retiring := withPods(frame("hello-1", 10, 0, 4), stat.Pod{Name: "b", InFlight: 1, Retiring: true}, stat.Pod{Name: "d", Retiring: true}, stat.Pod{Name: "a", InFlight: 4}, stat.Pod{Name: "c", InFlight: 5})
		s.Report(retiring)
		w.want("hello-1", 4) // b may be done in a moment
		time.Sleep(settle)
		s.Report(retiring)
		time.Sleep(10 * time.Millisecond)
		w.want("hello-1", 4) // it is not: d is to go alone, once Kubernetes knows
		m.are(t, map[string]int32{"d": -2, "b": -1})
		say(s, settle, retiring)
		time.Sleep(10 * time.Millisecond)
		w.want("hello-1", 3)

		left := withPods(frame("hello-1", 10, 0, 3), stat.Pod{Name: "b", InFlight: 1, Retiring: true}, stat.Pod{Name: "a", InFlight: 4}, stat.Pod{Name: "c", InFlight: 5})
		say(s, time.Minute, left)
		w.want("hello-1", 3) // however long it takes
		left.Pods[0].InFlight = 0
		s.Report(left)
		time.Sleep(10 * time.Millisecond)
		w.want("hello-1", 2)
	})
}

func TestLeaving_WhenDemandIsBackNoPodIsMarked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &marks{}
		w, s := goingDown(t, m)
		pods := []stat.Pod{{Name: "a", InFlight: 3}, {Name: "b", InFlight: 3}, {Name: "c", InFlight: 2}, {Name: "d", InFlight: 2}}
		say(s, 7*time.Second, withPods(frame("hello-1", 10, 0, 4), pods...))
		w.want("hello-1", 4)
		m.are(t, map[string]int32{"c": -1, "d": -1})
		say(s, 5*time.Second, withPods(frame("hello-1", 28, 0, 4), pods...))
		w.want("hello-1", 4)
		m.are(t, map[string]int32{})
		if w.writes() != 0 {
			t.Errorf("%d writes", w.writes())
		}
	})
}

func TestLeaving_MarksOfAnAutoscalerBeforeAreTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &marks{costs: map[string]int32{"a": -1}}
		w, s := goingDown(t, m)
		say(s, 3*time.Second, withPods(frame("hello-1", 28, 0, 4), stat.Pod{Name: "a", Retiring: true}, stat.Pod{Name: "b"}, stat.Pod{Name: "c"}, stat.Pod{Name: "d"}))
		w.want("hello-1", 4)
		m.are(t, map[string]int32{})
	})
}

func TestLeaving_WhereNoPodCanBeMarkedKubernetesChooses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := goingDown(t, &marks{err: errors.New("forbidden")})
		say(s, 8*time.Second, withPods(frame("hello-1", 10, 0, 4), stat.Pod{Name: "a", InFlight: 3}, stat.Pod{Name: "b", InFlight: 3}, stat.Pod{Name: "c", InFlight: 2}, stat.Pod{Name: "d", InFlight: 2}))
		time.Sleep(10 * time.Millisecond)
		w.want("hello-1", 2)
	})
}

func TestLeaving_WithoutRequestsAllGoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &marks{}
		w, s := goingDown(t, m)
		s.Report(withPods(frame("hello-1", 0, 0, 4), stat.Pod{Name: "a"}, stat.Pod{Name: "b"}, stat.Pod{Name: "c"}, stat.Pod{Name: "d"}))
		time.Sleep(15 * time.Second)
		w.want("hello-1", 0)
		m.are(t, nil)
	})
}

func TestLeaving_AMarkIsSettledAndKnownBeforeAPodGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &marks{}
		w, s := goingDown(t, m)
		f := withPods(frame("hello-1", 10, 0, 4), stat.Pod{Name: "c"}, stat.Pod{Name: "d"}, stat.Pod{Name: "a", InFlight: 5}, stat.Pod{Name: "b", InFlight: 5})
		say(s, 7*time.Second, f)
		m.are(t, map[string]int32{"c": -1, "d": -1})
		say(s, 3*settle, f) // idle, but no activator has said that it knows
		w.want("hello-1", 4)

		f.Pods[0].Retiring, f.Pods[1].Retiring = true, true
		s.Report(f)
		time.Sleep(10 * time.Millisecond)
		w.want("hello-1", 2)
	})
}

func TestLeaving_KnownAtOnceItWaitsForKubernetesToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &marks{}
		w, s := goingDown(t, m)
		f := withPods(frame("hello-1", 10, 0, 4), stat.Pod{Name: "c"}, stat.Pod{Name: "d"}, stat.Pod{Name: "a", InFlight: 5}, stat.Pod{Name: "b", InFlight: 5})
		for m.none() {
			say(s, 50*time.Millisecond, f)
		}
		f.Pods[0].Retiring, f.Pods[1].Retiring = true, true
		s.Report(f)
		time.Sleep(settle / 2)
		w.want("hello-1", 4)
		s.Report(f)
		time.Sleep(settle + 10*time.Millisecond)
		w.want("hello-1", 2)
	})
}

func TestLeaving_WhileThoseThatWentAreToldOfNoOtherGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &marks{}
		w, s := goingDown(t, m)
		f := withPods(frame("hello-1", 10, 0, 4), stat.Pod{Name: "c", Retiring: true}, stat.Pod{Name: "d", Retiring: true}, stat.Pod{Name: "a", InFlight: 1}, stat.Pod{Name: "b", InFlight: 1})
		say(s, 9*time.Second, f)
		w.want("hello-1", 2)
		f.InFlight, f.Concurrency = 2, 2 // one pod is enough
		say(s, 20*time.Second, f)        // Kubernetes takes its time
		w.want("hello-1", 2)             // c and d would be counted twice
		say(s, 2*settle, withPods(f, stat.Pod{Name: "b", Retiring: true}, stat.Pod{Name: "a", InFlight: 2}))
		say(s, 2*settle, withPods(f, stat.Pod{Name: "b", Retiring: true}, stat.Pod{Name: "a", InFlight: 2}))
		w.want("hello-1", 1)
	})
}
