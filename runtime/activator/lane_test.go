package activator

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

func TestLane_IsThereForOnePodForWhichNobodyWaits(t *testing.T) {
	v, pods := queueOf(2)
	open := func(want bool, why string) {
		t.Helper()
		if got := v.lane.Load() == pods[0]; got != want || got != (pods[0].lane.Load() != shut) {
			t.Errorf("%s: lane open: %v, want %v", why, got, want)
		}
	}
	open(true, "one pod")
	one, two := v.claim(time.Now()), v.claim(time.Now())
	if one == nil || two == nil || v.claim(time.Now()) != nil {
		t.Error("it has two places")
	}
	open(true, "the pod is full")
	v.lock()
	w := &waiter{ready: make(chan *pod, 1)}
	v.line.add(w)
	v.unlock()
	open(false, "somebody waits")
	v.release(one)
	open(true, "nobody waits any more")
	if <-w.ready != pods[0] || at(v, pods[0]) != 2 {
		t.Error("the waiter has no place")
	}
	v.lock()
	v.loans.held = true
	v.unlock()
	open(false, "others may hold places")
	v.lock()
	v.loans.held = false
	v.unlock()
	open(true, "they have said what they hold")
	e := pods[0].endpoint
	e.name, e.uid = "another", "another"
	v.set(e)
	open(false, "there are two pods")
	v.release(two)
	v.release(pods[0])
	v.lock()
	defer v.unlock()
	if v.running != 0 || pods[0].own != 0 || pods[0].inflight != 0 {
		t.Errorf("%d running, %d and %d at the pod", v.running, pods[0].own, pods[0].inflight)
	}
}

// The lane opens and shuts all the time, while many ask for few places.
func TestLane_NeverGivesMoreThanThereIs(t *testing.T) {
	const limit, clients, each = 3, 16, 3000
	v, pods := queueOf(limit)
	stop := make(chan struct{})
	var lookers, home sync.WaitGroup
	lookers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if l := v.load(); l.InFlight > limit || l.InFlight < 0 {
					t.Errorf("%d in flight", l.InFlight)
				}
			}
		}
	})
	var inside, most atomic.Int64
	for range clients {
		home.Go(func() {
			for range each {
				p := v.claim(time.Now())
				for p == nil {
					var err error
					if p, err = v.await(t.Context(), turn{arrived: time.Now()}, time.Minute); err != nil {
						t.Error(err)
						return
					}
				}
				n := inside.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				inside.Add(-1)
				v.release(p)
			}
		})
	}
	home.Wait()
	close(stop)
	lookers.Wait()
	if most.Load() > limit {
		t.Errorf("%d at once", most.Load())
	}
	if l := v.load(); at(v, pods[0]) != 0 || l.InFlight != 0 {
		t.Errorf("left over: %d at the pod, %d in all", at(v, pods[0]), l.InFlight)
	}
}

func TestLane_APodThatGoesTakesItAlong(t *testing.T) {
	a := newActivator(t, Config{})
	a.SetPod(podAt("p", "127.0.0.1:1", true, contract.Limits{}))
	v := a.revisions.find(hello)
	p := v.claim(time.Now())
	a.DeletePod(podAt("p", "127.0.0.1:1", true, contract.Limits{}))
	if v.lane.Load() != nil || v.claim(time.Now()) != nil {
		t.Error("a place at a pod that is gone")
	}
	if !v.release(p) {
		t.Error("something is left of the revision")
	}
}
