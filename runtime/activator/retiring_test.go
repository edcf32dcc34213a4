package activator

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/runtime/stat"
	"github.com/sluice-dev/sluice/schema/contract"
)

func TestRetiring_GetsWhatNoOtherPodCanTake(t *testing.T) {
	v, pods := queueOf(2, 2, 2)
	going := pods[1].endpoint
	going.retiring = true
	v.set(going)
	for i, want := range []*pod{pods[0], pods[2], pods[0], pods[2], pods[1], pods[1], nil} {
		got := v.claim(time.Now())
		if i < 4 && got == pods[1] || i >= 4 && got != want {
			t.Fatalf("claim %d got %v", i, got)
		}
	}
	want := []stat.Pod{{Name: "b", InFlight: 2, Retiring: true}, {Name: "a", InFlight: 2}}
	if d := cmp.Diff(want, v.owner.Pods(hello, 2)); d != "" {
		t.Error(d)
	}
	if l := v.load(); l.Retiring != 1 || l.Ready != 3 {
		t.Errorf("%+v", l)
	}
	v.release(pods[1])
	v.release(pods[0])
	if got := v.claim(time.Now()); got != pods[0] {
		t.Errorf("got %s", got.name)
	}
	going.retiring = false
	v.set(going)
	if got := v.claim(time.Now()); got != pods[1] {
		t.Errorf("it stays after all, and yet %s gets the request", got.name)
	}
}

func TestRetiring_IsReadFromThePod(t *testing.T) {
	p := podAt("p", "127.0.0.1:1", true, contract.Limits{})
	p.Annotations[contract.AnnotationRetiring] = "true"
	a := newActivator(t, Config{})
	a.SetPod(p)
	until(t, a, "a pod that is to go", func(l Load) bool { return l.Retiring == 1 })
}

func TestTrouble_IsToldToWhoWaitsInVainUntilAPodIsReady(t *testing.T) {
	a := newActivator(t, Config{QueueTimeout: 30 * time.Millisecond})
	url := before(t, a).URL
	got := get(t.Context(), client(t), url)
	until(t, a, "a request that waits", queued(1))
	a.Trouble(hello, "ErrImagePull: no such image")
	if g := <-got; g.status != 503 || !strings.Contains(g.body, "no pod could be started: ErrImagePull: no such image") {
		t.Errorf("%+v", g)
	}
	a.SetPod(podAt("p", "127.0.0.1:1", true, contract.Limits{}))
	a.Trouble(hello, "an old story") // a pod is ready
	if why := a.revisions.find(hello).trouble(); strings.Contains(why, "story") {
		t.Error(why)
	}
	a.Trouble(Key{"default", "nobody"}, "no matter")
}
