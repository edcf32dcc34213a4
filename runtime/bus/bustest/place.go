package bustest

import (
	"context"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
)

func startsWhereItSays(e *exam) {
	topic := e.topic()
	e.publish(topic, "before")
	latest := e.subscribe(topic, bus.Latest())
	var since, earliest string
	if e.promises.Replay {
		time.Sleep(20 * time.Millisecond) // some buses keep milliseconds
		now := time.Now()
		time.Sleep(20 * time.Millisecond)
		e.publish(topic, "after")
		since, earliest = e.subscribe(topic, bus.Since(now)), e.subscribe(topic, bus.Earliest())
	} else {
		e.publish(topic, "after")
	}
	e.receive(e.driver, topic, latest).want("after")
	if since != "" {
		e.receive(e.driver, topic, since).want("after")
		e.receive(e.driver, topic, earliest).want("before", "after")
	}
}

func keepsItsPlace(e *exam) {
	topic := e.topic()
	spec := bus.SubscriptionSpec{Topic: topic, Name: e.name("sub"), Start: bus.Earliest()}
	e.ensure(spec)
	e.publish(topic, numbers("m", 10)...)
	r := e.receive(e.driver, topic, spec.Name)
	got := r.take(10)
	r.settle(true, got[:4]...)
	r.close()
	left := bodies(got[4:])
	for _, start := range []bus.Point{bus.Earliest(), bus.Latest()} {
		spec.Start = start
		e.ensure(spec)
	}
	e.must(e.driver.EnsureTopic(e.ctx(), bus.TopicSpec{Name: topic, Args: e.store.Args}), "ensure topic again")
	e.receive(e.driver, topic, spec.Name).want(left...)
}

func outlives(e *exam) {
	d := e.store.Open(e.T)
	topic, sub := e.name("topic"), e.name("sub")
	e.must(d.EnsureTopic(e.ctx(), bus.TopicSpec{Name: topic, Args: e.store.Args}), "ensure topic")
	e.must(d.EnsureSubscription(e.ctx(), bus.SubscriptionSpec{Topic: topic, Name: sub}), "ensure subscription")
	var batch []*bus.Message
	for _, b := range numbers("m", 10) {
		batch = append(batch, &bus.Message{Body: []byte(b)})
	}
	e.must(d.Publish(e.ctx(), topic, batch), "publish")
	r := e.receive(d, topic, sub)
	got := r.take(10)
	r.settle(true, got[:6]...)
	r.close()
	e.must(d.Close(), "close")
	_ = e.driver.Close()
	d = e.open()
	r = e.receive(d, topic, sub)
	r.want(bodies(got[6:])...)
	r.none()
	r.close()
	e.must(d.RemoveTopic(e.ctx(), topic), "remove topic")
}

// seekReplays moves one of two subscriptions.
func seekReplays(e *exam) {
	topic := e.topic()
	one, other := e.subscribe(topic, bus.Earliest()), e.subscribe(topic, bus.Earliest())
	e.publish(topic, numbers("m", 10)...)
	for _, sub := range []string{one, other} {
		r := e.receive(e.driver, topic, sub)
		r.want(numbers("m", 10)...)
		r.close()
	}
	e.seek(topic, one, bus.Earliest())
	r := e.receive(e.driver, topic, one)
	r.want(numbers("m", 10)...)
	r.close()
	e.receive(e.driver, topic, other).none()

	e.seek(topic, one, bus.Earliest())
	e.seek(topic, one, bus.Latest())
	e.publish(topic, "new")
	e.receive(e.driver, topic, one).want("new")
}

func (e *exam) seek(topic, sub string, to bus.Point) {
	e.Helper()
	e.must(e.driver.(bus.Seeker).Seek(e.ctx(), topic, sub, to), "seek to %v", to)
}

func seekToTime(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	e.publish(topic, "a", "b")
	time.Sleep(20 * time.Millisecond)
	then := time.Now()
	time.Sleep(20 * time.Millisecond)
	e.publish(topic, "c", "d")
	r := e.receive(e.driver, topic, sub)
	r.want("a", "b", "c", "d")
	r.close()
	e.seek(topic, sub, bus.Since(then))
	r = e.receive(e.driver, topic, sub)
	r.want("c", "d")
	r.none()
}

func seekToPosition(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	e.publish(topic, "a", "b", "c", "d")
	r := e.receive(e.driver, topic, sub)
	got := r.want("a", "b", "c", "d")
	r.close()
	e.seek(topic, sub, bus.From(got[2].Position))
	r = e.receive(e.driver, topic, sub)
	r.want("c", "d")
	r.none()
	if err := e.driver.(bus.Seeker).Seek(e.ctx(), topic, sub, bus.From("nonsense")); err == nil {
		e.Error("a position that is none was taken")
	}
}

// seekBeyondTheEnd seeks a position that only a longer topic has: what comes next
// is not passed over.
func seekBeyondTheEnd(e *exam) {
	longer, topic := e.topic(), e.topic()
	e.publish(longer, "a", "b", "c", "d")
	r := e.receive(e.driver, longer, e.subscribe(longer, bus.Earliest()))
	far := r.want("a", "b", "c", "d")[3].Position
	r.close()
	sub := e.subscribe(topic, bus.Earliest())
	e.publish(topic, "one")
	e.seek(topic, sub, bus.From(far))
	e.publish(topic, "two", "three")
	r = e.receive(e.driver, topic, sub)
	r.want("two", "three")
	r.none()
}

func browseReads(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	e.publish(topic, "a", "b")
	time.Sleep(20 * time.Millisecond)
	then := time.Now()
	time.Sleep(20 * time.Millisecond)
	e.publish(topic, "c", "d")
	all := e.browse(topic, bus.Earliest())
	e.same(bodies(all), []string{"a", "b", "c", "d"})
	e.same(bodies(e.browse(topic, bus.Since(then))), []string{"c", "d"})
	e.same(bodies(e.browse(topic, bus.Latest())), nil)
	if e.promises.Positions {
		e.same(bodies(e.browse(topic, bus.From(all[1].Position))), []string{"b", "c", "d"})
	}
	e.receive(e.driver, topic, sub).want("a", "b", "c", "d")
}

func (e *exam) browse(topic string, from bus.Point) (all []*bus.Message) {
	e.Helper()
	err := e.driver.(bus.Browser).Browse(e.ctx(), topic, from, false, func(m *bus.Message) bool {
		all = append(all, m)
		return true
	})
	e.must(err, "browse from %v", from)
	return all
}

func browseFollows(e *exam) {
	topic := e.topic()
	e.publish(topic, "before")
	got := make(chan string, 10)
	stop := e.stoppable()
	ended := make(chan error, 1)
	go func() {
		ended <- e.driver.(bus.Browser).Browse(stop.ctx, topic, bus.Latest(), true, func(m *bus.Message) bool {
			got <- string(m.Body)
			return string(m.Body) != "last"
		})
	}()
	// It may not follow yet: publish until it does.
	following := false
	for deadline := time.Now().Add(Patience); !following && time.Now().Before(deadline); {
		e.publish(topic, "ping")
		select {
		case <-got:
			following = true
		case <-time.After(50 * time.Millisecond):
		}
	}
	e.publish(topic, "last")
	select {
	case err := <-ended:
		e.must(err, "browse")
	case <-time.After(Patience):
		e.Fatal("browse did not stop when told to")
	}
	stop.now()
	close(got)
	var seen []string
	for b := range got {
		seen = append(seen, b)
	}
	if slices.Contains(seen, "before") || len(seen) == 0 || seen[len(seen)-1] != "last" {
		e.Errorf("followed %q", seen)
	}
}

func lagCounts(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	if lag := e.lag(topic, sub); lag.Messages != 0 || !lag.Oldest.IsZero() {
		e.Errorf("nothing published: lag %+v", lag)
	}
	e.publish(topic, numbers("m", 10)...)
	if lag := e.lag(topic, sub); lag.Messages != 10 {
		e.Errorf("10 published: lag %+v", lag)
	} else if e.promises.Age && time.Since(lag.Oldest) > time.Minute {
		e.Errorf("10 published: oldest %v", lag.Oldest)
	}
	r := e.receive(e.driver, topic, sub)
	r.settle(true, r.take(4)...)
	r.close()
	e.eventually("6 to go", func() bool { return e.lag(topic, sub).Messages == 6 })
	r = e.receive(e.driver, topic, sub)
	r.settle(true, r.take(6)...)
	r.close()
	e.eventually("nothing to go", func() bool { lag := e.lag(topic, sub); return lag.Messages == 0 && lag.Oldest.IsZero() })
}

func (e *exam) lag(topic, sub string) bus.Lag {
	e.Helper()
	lag, err := e.driver.(bus.Gauge).Lag(e.ctx(), topic, sub)
	e.must(err, "lag")
	return lag
}

// eventually asks until it is so.
func (e *exam) eventually(what string, so func() bool) {
	e.Helper()
	for deadline := time.Now().Add(Patience); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			e.Fatalf("never: %s", what)
		}
	}
}

func peekShows(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	e.publish(topic, numbers("m", 6)...)
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	got, err := bus.Peek(ctx, e.driver, topic, sub, 4, 5*time.Second)
	e.must(err, "peek")
	if len(got) != 4 {
		e.Errorf("peeked at %d, want 4", len(got))
	}
	e.receive(e.driver, topic, sub).want(numbers("m", 6)...)
	none, err := bus.Peek(ctx, e.driver, topic, e.subscribe(topic, bus.Latest()), 4, e.store.Quiet)
	if err != nil || len(none) != 0 {
		e.Errorf("peek at nothing: %v, %v", none, err)
	}
}
