package bustest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
)

var errNo = errors.New("no")

// run starts a Subscription; it is stopped at the end, or by the function
// returned.
func (e *exam) run(d bus.Driver, topic, name string, p bus.Policy, h bus.Handler) (*bus.Subscription, func()) {
	e.Helper()
	s := bus.NewSubscription(bus.SubscriptionConfig{Driver: d, Topic: topic, Name: name, Policy: p, Log: quiet()})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx, h); err != nil {
			e.Errorf("run: %v", err)
		}
	})
	stop := func() {
		cancel()
		wg.Wait()
	}
	e.Cleanup(stop)
	return s, stop
}

// soon retries fast.
var soon = bus.RetryPolicy{Delay: time.Millisecond, MaxDelay: 5 * time.Millisecond}

func retriedUntilAcknowledged(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	e.publish(topic, numbers("m", 30)...)
	got := make(chan string, 100)
	s, stop := e.run(e.driver, topic, sub, bus.Policy{Retry: soon, Concurrency: 8}, func(_ context.Context, m *bus.Message) bus.Verdict {
		if m.Attempt < 3 {
			return bus.Retry(errNo)
		}
		got <- string(m.Body)
		return bus.Ack()
	})
	e.same(e.collect(got, 30), numbers("m", 30))
	stop()
	if st := s.Stats(); st.Attempts != 90 || st.Retries != 60 || st.Acked != 30 || st.Held != 0 || st.Running != 0 {
		e.Errorf("stats: %+v", st)
	}
	e.receive(e.driver, topic, sub).none()
}

// stoppingGivesNothingUp: an attempt that ends because the subscription does is not
// the message's last, even where it has one alone.
func stoppingGivesNothingUp(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	e.publish(topic, "cut off", "kept")
	once := soon
	once.Attempts = 1
	begun := make(chan string, 2)
	p := bus.Policy{Retry: once, Drain: time.Millisecond, OnDead: func(_ context.Context, m *bus.Message, why bus.Death) error {
		e.Errorf("%s was given up: %v", m.Body, why.Err)
		return nil
	}}
	_, stop := e.run(e.driver, topic, sub, p, func(ctx context.Context, m *bus.Message) bus.Verdict {
		begun <- string(m.Body)
		if string(m.Body) == "kept" {
			return bus.Keep(errNo)
		}
		<-ctx.Done()
		return bus.Retry(ctx.Err())
	})
	for range 2 {
		select {
		case <-begun:
		case <-time.After(Patience):
			e.Fatal("not delivered")
		}
	}
	stop()
	e.receive(e.driver, topic, sub).want("cut off", "kept")
}

// stoppingWaitsForNoRate: what has not begun because of the rate is given back at
// once, for who comes next.
func stoppingWaitsForNoRate(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	e.publish(topic, "first", "second", "third")
	begun := make(chan string, 3)
	_, stop := e.run(e.driver, topic, sub, bus.Policy{Rate: 0.001, Drain: time.Hour, Concurrency: 1}, func(_ context.Context, m *bus.Message) bus.Verdict {
		begun <- string(m.Body)
		return bus.Ack()
	})
	first := e.collect(begun, 1)
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	select {
	case <-stopped:
	case <-time.After(Patience):
		e.Fatal("it waits for the rate")
	}
	rest := slices.DeleteFunc([]string{"first", "second", "third"}, func(body string) bool { return body == first[0] })
	e.receive(e.driver, topic, sub).want(rest...)
}

func orderSurvivesFailures(e *exam) {
	topic := e.topic()
	sub := e.subscribeOrdered(topic)
	const keys, each = 8, 40
	for i := range each {
		for k := range keys {
			e.publishKeyed(topic, fmt.Sprint("k", k), fmt.Sprintf("%04d", i))
		}
	}
	var mu sync.Mutex
	next, busy := map[string]int{}, map[string]bool{}
	done := make(chan string, keys*each)
	h := func(_ context.Context, m *bus.Message) bus.Verdict {
		mu.Lock()
		if busy[m.Key] {
			e.Errorf("%s: two at a time", m.Key)
		}
		busy[m.Key] = true
		want := fmt.Sprintf("%04d", next[m.Key])
		mu.Unlock()
		time.Sleep(rand.N(200 * time.Microsecond))
		mu.Lock()
		defer mu.Unlock()
		busy[m.Key] = false
		if string(m.Body) != want {
			e.Errorf("%s: got %s, want %s", m.Key, m.Body, want)
		}
		if rand.N(4) == 0 {
			return bus.Retry(errNo)
		}
		next[m.Key]++
		done <- m.Key
		return bus.Ack()
	}
	_, stop := e.run(e.driver, topic, sub, bus.Policy{Ordered: true, Concurrency: 16, Retry: soon}, h)
	e.collect(done, keys*each)
	stop()
}

func deadAndRedriven(e *exam) {
	topic, dead := e.topic(), e.topic()
	sub, other := e.subscribe(topic, bus.Earliest()), e.subscribe(topic, bus.Earliest())
	keeper := e.subscribe(dead, bus.Earliest())
	others := make(chan string, 10)
	so, stopOther := e.run(e.driver, topic, other, bus.Policy{}, func(_ context.Context, m *bus.Message) bus.Verdict {
		others <- string(m.Body)
		return bus.Ack()
	})
	got := make(chan string, 10)
	healthy := make(chan struct{})
	policy := bus.Policy{DeadLetter: dead, Retry: bus.RetryPolicy{Attempts: 3, Delay: time.Millisecond}, Dedupe: time.Hour}
	s, stop := e.run(e.driver, topic, sub, policy, func(_ context.Context, m *bus.Message) bus.Verdict {
		select {
		case <-healthy:
		default:
			if string(m.Body) == "poison" {
				return bus.Retry(errNo)
			}
			if string(m.Body) == "hopeless" {
				return bus.Dead(errors.New("never"))
			}
		}
		got <- string(m.Body)
		return bus.Ack()
	})
	for i, b := range []string{"good", "poison", "hopeless"} {
		m := &bus.Message{ID: fmt.Sprint("id", i), Key: "k", Headers: map[string]string{"ce-type": "t"}, Body: []byte(b)}
		e.must(e.driver.Publish(e.ctx(), topic, []*bus.Message{m}), "publish")
	}
	e.same(e.collect(got, 1), []string{"good"})
	e.collect(others, 3)

	r := e.receive(e.driver, dead, keeper)
	buried := r.take(2)
	e.same(bodies(buried), []string{"poison", "hopeless"})
	attempts := map[string]string{"poison": "3", "hopeless": "1"}
	reason := map[string]string{"poison": "no", "hopeless": "never"}
	for _, m := range buried {
		b := string(m.Body)
		if m.Header(bus.HeaderDeadAttempts) != attempts[b] || m.Header(bus.HeaderDeadReason) != reason[b] || m.Key != "k" ||
			m.Header("ce-type") != "t" || m.Header(bus.HeaderDeadSubscription) != sub || m.Header(bus.HeaderDeadTopic) != topic {
			e.Errorf("dead %s: %+v", b, m)
		}
	}
	close(healthy)
	for _, m := range buried {
		e.must(e.driver.Publish(e.ctx(), m.Header(bus.HeaderDeadTopic), []*bus.Message{bus.Redriven(m)}), "redrive")
		r.settle(true, m)
	}
	e.same(e.collect(got, 2), []string{"poison", "hopeless"})
	e.eventually("the other subscription leaves out what is not for it", func() bool { return so.Stats().Others == 2 })
	stop()
	stopOther()
	if st := s.Stats(); st.Dead != 2 || st.Dropped != 0 || st.Acked != 3 || st.Duplicates != 0 || len(others) != 0 {
		e.Errorf("stats: %+v; the other got %d more", st, len(others))
	}
}

func copyIsLeftOut(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	got := make(chan string, 20)
	h := func(_ context.Context, m *bus.Message) bus.Verdict {
		got <- m.ID
		return bus.Ack()
	}
	policy := bus.Policy{Dedupe: time.Hour}
	s, stop := e.run(e.driver, topic, sub, policy, h)
	send := func(ids ...string) {
		for _, id := range ids {
			e.must(e.driver.Publish(e.ctx(), topic, []*bus.Message{{ID: id}}), "publish")
		}
	}
	send("a", "b", "a", "", "", "b", "c")
	e.same(e.collect(got, 5), []string{"a", "b", "", "", "c"})
	e.eventually("two copies", func() bool { return s.Stats().Duplicates == 2 })
	stop()
	if !e.promises.History {
		return
	}
	// What was seen is known after a restart.
	send("c", "d")
	s, stop = e.run(e.driver, topic, sub, policy, h)
	e.same(e.collect(got, 1), []string{"d"})
	e.eventually("a copy from before the restart", func() bool { return s.Stats().Duplicates == 1 })
	stop()
}

func runningFollowsSeek(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	got := make(chan string, 100)
	_, stop := e.run(e.driver, topic, sub, bus.Policy{Dedupe: time.Hour}, func(_ context.Context, m *bus.Message) bus.Verdict {
		got <- string(m.Body)
		return bus.Ack()
	})
	e.publish(topic, numbers("m", 10)...)
	e.same(e.collect(got, 10), numbers("m", 10))
	e.seek(topic, sub, bus.Earliest())
	e.same(e.collect(got, 10), numbers("m", 10))
	e.publish(topic, "new")
	e.same(e.collect(got, 1), []string{"new"})
	stop()
}

// receiversComeAndGo has handlers that fail and subscriptions that stop and
// start while messages are published.
func receiversComeAndGo(e *exam) {
	name := e.topic()
	sub := e.subscribe(name, bus.Earliest())
	topic := bus.NewTopic(e.driver, e.promises, name)
	defer topic.Close()
	want := numbers("m", 300)
	var mu sync.Mutex
	seen := map[string]int{}
	all := make(chan struct{})
	h := func(ctx context.Context, m *bus.Message) bus.Verdict {
		if rand.N(5) == 0 {
			return bus.Retry(errNo)
		}
		mu.Lock()
		defer mu.Unlock()
		if seen[string(m.Body)]++; seen[string(m.Body)] == 1 && len(seen) == len(want) {
			close(all)
		}
		return bus.Ack()
	}
	stop := e.stoppable()
	var wg sync.WaitGroup
	for range 2 {
		d := e.open()
		wg.Go(func() {
			for stop.ctx.Err() == nil {
				ctx, cancel := context.WithTimeout(stop.ctx, 200*time.Millisecond+rand.N(400*time.Millisecond))
				s := bus.NewSubscription(bus.SubscriptionConfig{Driver: d, Topic: name, Name: sub, Policy: bus.Policy{Retry: soon, Concurrency: 4}, Log: quiet()})
				if err := s.Run(ctx, h); err != nil {
					e.Errorf("run: %v", err)
				}
				cancel()
			}
		})
	}
	for _, b := range want {
		e.must(topic.Publish(e.ctx(), &bus.Message{Body: []byte(b)}), "publish")
	}
	select {
	case <-all:
	case <-time.After(Patience):
		e.Errorf("%d of %d arrived", len(seen), len(want))
	}
	stop.now()
	wg.Wait()
	copies := 0
	for _, n := range seen {
		copies += n - 1
	}
	e.Logf("%d messages, %d of them twice or more", len(seen), copies)
}
