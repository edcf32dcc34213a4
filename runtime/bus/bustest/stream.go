package bustest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// stopper ends what waits.
type stopper struct {
	ctx context.Context
	now context.CancelFunc
}

func (e *exam) stoppable() stopper {
	ctx, cancel := context.WithCancel(context.Background())
	e.Cleanup(cancel)
	return stopper{ctx, cancel}
}

// collect takes n from a channel.
func (e *exam) collect(got <-chan string, n int) (all []string) {
	e.Helper()
	patience := time.After(Patience)
	for len(all) < n {
		select {
		case b := <-got:
			all = append(all, b)
		case <-patience:
			e.Fatalf("got %d of %d", len(all), n)
		}
	}
	return all
}

func noMoreThanAskedFor(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	e.publish(topic, numbers("m", 30)...)
	r := e.receiveAs(e.driver, bus.Receive{Topic: topic, Subscription: sub, Window: 10})
	var all []*bus.Message
	for len(all) < 10 {
		all = append(all, r.take(min(3, 10-len(all)))...)
	}
	r.settle(true, all...)
	rest := r.take(10)
	r.settle(true, rest...)
	last := r.take(10)
	r.settle(true, last...)
	e.same(bodies(append(append(all, rest...), last...)), numbers("m", 30))
}

func nextEndsWithContext(e *exam) {
	topic := e.topic()
	r := e.receive(e.driver, topic, e.subscribe(topic, bus.Earliest()))
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	began := time.Now()
	if _, err := r.stream.Next(ctx, 1); err == nil {
		e.Fatal("next returned nothing and no error")
	}
	if took := time.Since(began); took > 5*time.Second {
		e.Errorf("next took %v to notice", took)
	}
	e.publish(topic, "after")
	r.want("after")
}

func nothingSettledComesAgain(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	e.publish(topic, numbers("m", 20)...)
	r := e.receive(e.driver, topic, sub)
	r.want(numbers("m", 20)...)
	r.close()
	e.publish(topic, "next")
	e.receive(e.driver, topic, sub).want("next")
}

// placeNeverPasses settles all but one, last first.
func placeNeverPasses(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	e.publish(topic, numbers("m", 20)...)
	r := e.receive(e.driver, topic, sub)
	got := r.take(20)
	for i := len(got) - 1; i >= 0; i-- {
		if string(got[i].Body) != "m0003" {
			r.settle(true, got[i])
		}
	}
	r.close()
	r = e.receive(e.driver, topic, sub)
	defer r.close()
	for {
		m := r.take(1)[0]
		r.settle(true, m)
		if string(m.Body) == "m0003" {
			return
		}
	}
}

func givenBackComesAgain(e *exam) {
	topic := e.topic()
	r := e.receive(e.driver, topic, e.subscribe(topic, bus.Earliest()))
	e.publish(topic, numbers("m", 5)...)
	got := r.take(5)
	r.settle(true, got[0], got[2])
	r.settle(false, got[1], got[3], got[4])
	again := r.take(3)
	e.same(bodies(again), []string{string(got[1].Body), string(got[3].Body), string(got[4].Body)})
	for _, m := range again {
		for _, g := range got {
			if string(g.Body) == string(m.Body) && g.Position != m.Position {
				e.Errorf("%s came back at another position: %q, was %q", m.Body, m.Position, g.Position)
			}
		}
	}
	r.settle(true, again...)
	r.none()
}

func closedGivesBack(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	e.publish(topic, numbers("m", 10)...)
	first := e.receive(e.driver, topic, sub)
	first.take(10)
	first.close()
	e.receive(e.driver, topic, sub).want(numbers("m", 10)...)
}

func heldForAsLong(e *exam) {
	if e.store.Lease == 0 {
		e.Skip("this bus has no lease that could end")
	}
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	e.publish(topic, "slow")
	one := e.receive(e.driver, topic, sub)
	held := one.take(1)
	two := e.receive(e.open(), topic, sub)
	ctx, cancel := context.WithTimeout(context.Background(), 3*e.store.Lease)
	defer cancel()
	if again, _ := two.stream.Next(ctx, 1); len(again) > 0 {
		e.Fatalf("%s was delivered to another while it was held", again[0].Body)
	}
	one.settle(true, held...)
	two.none()
}

// keyWithOneReceiver has receivers that hold messages for a random while; no
// other may hold one of the same key meanwhile, and each key is in order.
func keyWithOneReceiver(e *exam) {
	topic := e.topic()
	sub := e.subscribeOrdered(topic)
	const keys, each = 5, 20
	var want []string
	for i := range each {
		for k := range keys {
			b := fmt.Sprintf("k%d-%04d", k, i)
			want = append(want, b)
			e.publishKeyed(topic, fmt.Sprint("k", k), b)
		}
	}
	w := &watch{e: e, holder: map[string]int{}, last: map[string]string{}}
	stop := e.stoppable()
	got := make(chan string, len(want)*2)
	var wg sync.WaitGroup
	for n := range 2 {
		r := e.receiveAs(e.open(), bus.Receive{Topic: topic, Subscription: sub, Ordered: true, Window: 8})
		wg.Go(func() { w.work(stop.ctx, r, n, got) })
	}
	e.same(e.collect(got, len(want)), want)
	stop.now()
	wg.Wait()
}

// watch sees which receiver holds which keys.
type watch struct {
	e      *exam
	mu     sync.Mutex
	holder map[string]int // key -> receiver*1000 + how many it holds
	last   map[string]string
}

func (w *watch) work(ctx context.Context, r *receiver, me int, got chan<- string) {
	for {
		batch, err := r.stream.Next(ctx, 4)
		if err != nil {
			return
		}
		for _, m := range batch {
			w.hold(m, me)
		}
		for _, m := range batch {
			time.Sleep(rand.N(2 * time.Millisecond))
			w.release(m)
			if err := r.stream.Settle(w.e.ctx(), m, true); err != nil {
				w.e.Errorf("settle: %v", err)
			}
			got <- string(m.Body)
		}
	}
}

func (w *watch) hold(m *bus.Message, me int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h, held := w.holder[m.Key]; held && h/1000 != me {
		w.e.Errorf("receiver %d got %s while receiver %d held its key", me, m.Body, h/1000)
	}
	if string(m.Body) <= w.last[m.Key] {
		w.e.Errorf("%s came after %s", m.Body, w.last[m.Key])
	}
	w.last[m.Key] = string(m.Body)
	if _, held := w.holder[m.Key]; !held {
		w.holder[m.Key] = me * 1000
	}
	w.holder[m.Key]++
}

func (w *watch) release(m *bus.Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.holder[m.Key]--; w.holder[m.Key]%1000 == 0 {
		delete(w.holder, m.Key)
	}
}
