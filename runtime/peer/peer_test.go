package peer

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/activator"
)

// three are three activators that agree, before one pod that takes one request
// at a time.
func three(t *testing.T) (*crowd, *gate) {
	c, g := newCrowd(t), newGate()
	c.setPod("pod-a", serve(t, g), 1)
	for n := range 3 {
		c.join(n + 1)
	}
	c.agree(3)
	return c, g
}

func TestPeers_OneLineHoweverManyDoors(t *testing.T) {
	c, g := three(t)
	var answers []<-chan string
	for i := range 9 {
		o := c.all[fmt.Sprintf("activator-%d", i%3+1)]
		answers = append(answers, o.get(t, fmt.Sprintf("/%d", i)))
		if i == 0 {
			<-g.came
		} else {
			until(t, "queued", func() bool { return c.queued() == i })
		}
	}
	close(g.open)
	for _, a := range answers {
		want(t, a, "200 done")
	}
	if g.max != 1 {
		t.Errorf("%d at once at a pod that takes one", g.max)
	}
	for i, path := range g.order {
		if path != fmt.Sprintf("/%d", i) {
			t.Fatalf("overtaken: %v", g.order)
		}
	}
}

func TestPeers_AClientThatHangsUpElsewhereLeavesTheLine(t *testing.T) {
	c, g := three(t)
	owner, other := c.owner()
	first := owner.get(t, "/first")
	<-g.came
	gone := other.get(t, "/gone")
	until(t, "queued", func() bool { return c.queued() == 1 })
	other.front.CloseClientConnections()
	until(t, "left", func() bool { return c.queued() == 0 })
	last := owner.get(t, "/last")
	close(g.open)
	want(t, first, "200 done")
	want(t, last, "200 done")
	if got := <-gone; got == "200 done" || len(g.order) != 2 {
		t.Errorf("%s, served %v", got, g.order)
	}
}

func TestPeers_WhatADeadOwnerDidNotHoldIsNotLost(t *testing.T) {
	c, g := three(t)
	owner, other := c.owner()
	running := other.get(t, "/running") // by another's door: it outlives the owner
	<-g.came
	waiting := other.get(t, "/waiting")
	until(t, "queued", func() bool { return c.queued() == 1 })
	owner.end()
	delete(c.all, owner.name)
	c.agree(2)
	late := other.get(t, "/late")
	until(t, "queued", func() bool { return c.queued() == 2 })
	if g.most() != 1 {
		t.Error("the new owner did not know of the request that runs")
	}
	close(g.open)
	for _, a := range []<-chan string{running, waiting, late} {
		want(t, a, "200 done")
	}
	if g.max != 1 || len(g.order) != 3 || g.order[1] != "/waiting" {
		t.Errorf("%d at once, order %v", g.max, g.order)
	}
}

func TestPeers_ADeadBorrowersPlacesAreFree(t *testing.T) {
	c, g := three(t)
	owner, other := c.owner()
	held := other.get(t, "/held")
	<-g.came
	waiting := owner.get(t, "/waiting")
	until(t, "queued", func() bool { return c.queued() == 1 })
	other.end()
	delete(c.all, other.name)
	<-g.came // before the gate opens: the dead one's place is free
	close(g.open)
	want(t, waiting, "200 done")
	<-held
}

func TestPeers_OneThatLeavesHandsItsRevisionsOver(t *testing.T) {
	c, g := three(t)
	owner, other := c.owner()
	running := owner.get(t, "/running")
	<-g.came
	var waiting []<-chan string
	for i, o := range []*one{owner, other, owner} {
		waiting = append(waiting, o.get(t, fmt.Sprintf("/waiting-%d", i)))
		until(t, "queued", func() bool { return c.queued() == i+1 })
	}
	owner.peers.Leave()
	until(t, "handed over", func() bool { return owner.peers.Owner(hello) != nil })
	c.agree(2)
	until(t, "queued", func() bool { return c.queued() == 3 })
	if g.most() != 1 {
		t.Error("the new owner did not know of the request that runs")
	}
	close(g.open)
	want(t, running, "200 done")
	for _, a := range waiting {
		want(t, a, "200 done")
	}
	if g.max != 1 || fmt.Sprint(g.order) != "[/running /waiting-0 /waiting-1 /waiting-2]" {
		t.Errorf("%d at once, order %v", g.max, g.order)
	}
}

func TestPeers_AStrangerIsNotAnswered(t *testing.T) {
	c, _ := three(t)
	for _, name := range []string{"", "activator-1", "activator-9"} {
		req, err := http.NewRequest(http.MethodGet, "http://"+c.all["activator-2"].addr.String()+fmt.Sprintf(":%d/", c.port), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", protocol)
		req.Header.Set("Sluice-Peer", name)
		res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%q from another address: %s", name, res.Status)
		}
	}
}

// Activators come, leave and die under load: no request fails but those that
// came in by the door of one that died, and no pod ever has more than its share.
func TestPeers_UnderLoadWhateverComesAndGoes(t *testing.T) {
	c := newCrowd(t)
	const limit, pods = 2, 3
	var now, most [pods]atomic.Int64
	for i := range pods {
		c.setPod(fmt.Sprintf("pod-%d", i), serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			n := now[i].Add(1)
			for m := most[i].Load(); n > m && !most[i].CompareAndSwap(m, n); m = most[i].Load() {
			}
			time.Sleep(time.Millisecond)
			now[i].Add(-1)
			_, _ = io.WriteString(w, "done")
		})), limit)
	}
	doors := []*one{c.join(1), c.join(2)}
	c.agree(2)
	stop := make(chan struct{})
	var clients sync.WaitGroup
	var asked atomic.Int64
	for i := range 16 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				want(t, doors[i%2].get(t, "/"), "200 done")
				asked.Add(1)
			}
		})
	}
	for n := 3; n < 9; n++ {
		third := c.join(n)
		c.agree(3)
		if n%2 == 0 {
			third.peers.Leave()
			c.agree(2)
		}
		third.end()
		delete(c.all, third.name)
		for _, o := range doors {
			o.peers.DeletePod(third.activatorPod())
		}
		c.agree(2)
	}
	close(stop)
	clients.Wait()
	for i := range pods {
		if m := most[i].Load(); m > limit {
			t.Errorf("pod %d had %d at once, its limit is %d", i, m, limit)
		}
	}
	t.Log(asked.Load(), "requests")
	for _, o := range doors {
		for _, l := range o.act.Loads() {
			if l.InFlight+l.Queued != 0 {
				t.Errorf("left over: %+v", l)
			}
		}
	}
}

// BenchmarkBorrow is a request at an activator that is not the owner, apart
// from the exchange with the app: a place asked of another process and returned.
func BenchmarkBorrow(b *testing.B) {
	c := newCrowd(b)
	c.setPod("pod-a", serve(b, http.NotFoundHandler()), 1000)
	c.join(1)
	c.join(2)
	c.agree(2)
	_, other := c.owner()
	lender := other.peers.Owner(hello)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		done := make(chan activator.Reply, 1)
		for pb.Next() {
			lender.Ask(activator.Asking{Key: hello, Bytes: 1}, func(r activator.Reply) { done <- r })
			if r := <-done; r.Place == nil {
				b.Fail()
			}
			lender.Release(hello, "pod-a")
		}
	})
}
