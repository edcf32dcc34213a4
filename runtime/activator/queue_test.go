package activator

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/runtime/proxy"
	"github.com/sluice-dev/sluice/schema/contract"
)

// queueOf is a revision with the given pods, each with its limit.
func queueOf(limitsOf ...int) (*revision, []*pod) {
	a := New(Config{Proxy: proxy.New(proxy.Config{})})
	v := a.revisions.get(hello)
	var pods []*pod
	for i, n := range limitsOf {
		e := endpoint{key: hello, name: string(rune('a' + i)), addr: "127.0.0.1:1", ready: true, limits: contract.Limits{ContainerConcurrency: int64(n)}}
		v.set(e)
		pods = append(pods, v.pods[e.name])
	}
	return v, pods
}

func TestQueue_TheTimeoutIsKeptAndThePlaceInLineIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, _ := queueOf(1)
		p := v.claim(time.Now())
		start := time.Now()
		if _, err := v.await(t.Context(), turn{arrived: time.Now(), bytes: 1}, 5*time.Second); err != errTimeout {
			t.Errorf("got %v", err)
		}
		if waited := time.Since(start); waited != 5*time.Second {
			t.Errorf("waited %v", waited)
		}
		if v.line.length != 0 || v.line.bytes != 0 {
			t.Errorf("the line: %+v", v.line)
		}
		v.release(p)
	})
}

func TestQueue_WhoComesBackGoesToTheFront(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, _ := queueOf(1)
		p := v.claim(time.Now())
		var order []string
		wait := func(name string, turn turn) {
			go func() {
				p, err := v.await(t.Context(), turn, time.Hour)
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, name)
				v.release(p)
			}()
			synctest.Wait()
		}
		now := time.Now()
		wait("first", turn{arrived: now})
		wait("second", turn{arrived: now})
		wait("returned", turn{arrived: now.Add(-time.Second), again: true})
		v.release(p)
		synctest.Wait()
		if len(order) != 3 || order[0] != "returned" || order[1] != "first" {
			t.Errorf("order: %v", order)
		}
	})
}

func TestQueue_NewcomersDoNotSeeAPlaceThatSomebodyWaitsFor(t *testing.T) {
	v, _ := queueOf(1)
	p := v.claim(time.Now())
	v.lock()
	w := &waiter{ready: make(chan *pod, 1)}
	v.line.add(w)
	v.unlock()
	v.release(p)
	if v.claim(time.Now()) != nil {
		t.Error("a newcomer overtook")
	}
	if <-w.ready != p {
		t.Error("the waiter did not get the place")
	}
}

// The model: claims and releases in any order keep every count exact, never
// exceed a limit, and always choose a pod with the least load.
func TestQueue_CountsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := rapid.SliceOfN(rapid.IntRange(0, 4), 1, 6).Draw(t, "limits")
		v, pods := queueOf(limits...)
		var held []*pod
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				least, free := 1<<30, false
				v.lock()
				for _, p := range pods {
					if p.index != none && !p.full() {
						least, free = min(least, p.inflight), true
					}
				}
				v.unlock()
				p := v.claim(time.Now())
				if (p != nil) != free {
					t.Fatalf("claim: %v, but free: %v", p, free)
				}
				if p != nil {
					if got := at(v, p); got != least+1 {
						t.Fatalf("chose a pod with %d, there is one with %d", got-1, least)
					}
					held = append(held, p)
				}
			case 2:
				if len(held) > 0 {
					i := rapid.IntRange(0, len(held)-1).Draw(t, "which")
					v.release(held[i])
					held = append(held[:i], held[i+1:]...)
				}
			case 3:
				p := pods[rapid.IntRange(0, len(pods)-1).Draw(t, "pod")]
				e := p.endpoint
				e.terminating = !e.terminating
				v.set(e)
			}
			expectExact(t, v, pods, held)
		}
	})
}

// at is how many requests are at p.
func at(v *revision, p *pod) int {
	v.lock()
	defer v.unlock()
	return p.inflight
}

func expectExact(t *rapid.T, v *revision, pods, held []*pod) {
	v.lock()
	defer v.unlock()
	count := map[*pod]int{}
	for _, p := range held {
		count[p]++
	}
	for _, p := range pods {
		if p.inflight != count[p] || p.limit > 0 && p.inflight > p.limit {
			t.Fatalf("pod %s: %d in flight, %d held, limit %d", p.name, p.inflight, count[p], p.limit)
		}
		if in := p.index != none; in != !p.terminating || in && v.usable[p.index] != p {
			t.Fatalf("pod %s: index %d, terminating %v", p.name, p.index, p.terminating)
		}
	}
	if v.running != len(held) {
		t.Fatalf("running %d, held %d", v.running, len(held))
	}
}

// Everything at once: claims that are given up at any moment, pods that come
// and go. No place may be lost, none used twice.
func TestQueue_NoPlaceIsLostUnderStress(t *testing.T) {
	v, pods := queueOf(2, 2)
	stop := make(chan struct{})
	var flipper, workers sync.WaitGroup
	flipper.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			e := pods[i%2].endpoint
			e.terminating = i/2%2 == 0
			v.set(e)
		}
	})
	for range 8 {
		workers.Go(func() {
			for range 2000 {
				p := v.claim(time.Now())
				if p == nil {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(50))*time.Microsecond)
					p, _ = v.await(ctx, turn{arrived: time.Now(), bytes: 1}, time.Second)
					cancel()
				}
				if p != nil {
					v.release(p)
				}
			}
		})
	}
	workers.Wait()
	close(stop)
	flipper.Wait()
	for _, p := range pods {
		e := p.endpoint
		e.terminating = false
		v.set(e)
	}
	v.lock()
	if v.running != 0 || v.line.length != 0 || pods[0].inflight != 0 || pods[1].inflight != 0 {
		t.Errorf("left over: %d running, %d queued, %d and %d in flight", v.running, v.line.length, pods[0].inflight, pods[1].inflight)
	}
	v.unlock()
	for range 4 {
		if v.claim(time.Now()) == nil {
			t.Error("a place was lost")
		}
	}
	if v.claim(time.Now()) != nil {
		t.Error("a place was made up")
	}
}

func BenchmarkClaimRelease(b *testing.B) {
	now := time.Now()
	b.Run("two locks", func(b *testing.B) { // what any queue with a lock costs
		var mu sync.Mutex
		for b.Loop() {
			mu.Lock()
			mu.Unlock() //lint:ignore SA2001 nothing is done: that is what is measured
			mu.Lock()
			mu.Unlock() //lint:ignore SA2001 as above
		}
	})
	for _, bb := range []struct {
		name   string
		limits []int
	}{{"1 pod", []int{0}}, {"10 pods", []int{9, 9, 9, 9, 9, 9, 9, 9, 9, 9}}} {
		b.Run(bb.name, func(b *testing.B) {
			v, _ := queueOf(bb.limits...)
			b.ReportAllocs()
			for b.Loop() {
				v.release(v.claim(now))
			}
		})
	}
	b.Run("parallel", func(b *testing.B) {
		v, _ := queueOf(0)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				v.release(v.claim(now))
			}
		})
	})
}
