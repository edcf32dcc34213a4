package bustest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
)

func arrivesAsItWas(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	sent := []*bus.Message{
		{ID: "https://example.com/a b\x00é-1", Key: "customer 7/ü", Body: every, Headers: map[string]string{
			"content-type": "application/json; charset=utf-8", "ce-id": "1", "ce-source": "/a?b=c", "ce-type": "t",
			"ce-subject": "Euro € 😀 100% \"q\"", "ce-empty": "", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		}},
		{},
		{Body: []byte(`{"plain":true}`)},
	}
	before := time.Now()
	for _, m := range sent {
		e.must(e.driver.Publish(e.ctx(), topic, []*bus.Message{m}), "publish")
	}
	r := e.receive(e.driver, topic, sub)
	places := map[string]bool{}
	for i, got := range r.take(len(sent)) {
		// Which comes first is another question: bodies tell them apart.
		at := slices.IndexFunc(sent, func(m *bus.Message) bool { return bytes.Equal(m.Body, got.Body) })
		if at < 0 {
			e.Errorf("message %d: nobody sent %q", i, got.Body)
			continue
		}
		want := sent[at]
		if got.ID != want.ID || got.Key != want.Key || !bytes.Equal(got.Body, want.Body) || !maps.Equal(got.Headers, want.Headers) {
			e.Errorf("message %d: got  %q %q %q %q\nwant %q %q %q %q", i, got.ID, got.Key, got.Headers, got.Body, want.ID, want.Key, want.Headers, want.Body)
		}
		// Clocks of other machines differ, and some buses keep milliseconds.
		if age := got.Published.Sub(before); age < -time.Minute || age > time.Minute {
			e.Errorf("message %d: published %v after it was sent", i, age)
		}
		if got.Position == "" || places[got.Position] {
			e.Errorf("message %d: position %q is not its own", i, got.Position)
		}
		if want.Position != "" && got.Position != want.Position {
			e.Errorf("message %d: publish said position %q, next says %q", i, want.Position, got.Position)
		}
		places[got.Position] = true
		r.settle(true, got)
	}
}

func everySubscriptionGetsEvery(e *exam) {
	topic := e.topic()
	one, two := e.subscribe(topic, bus.Earliest()), e.subscribe(topic, bus.Earliest())
	e.publish(topic, numbers("m", 50)...)
	e.receive(e.driver, topic, one).want(numbers("m", 50)...)
	e.receive(e.driver, topic, two).want(numbers("m", 50)...)
}

// receiversShare gives nothing twice.
func receiversShare(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	got := make(chan string, 400)
	streams := []*receiver{e.receive(e.driver, topic, sub), e.receive(e.open(), topic, sub)}
	var wg sync.WaitGroup
	stop := e.stoppable()
	for _, r := range streams {
		wg.Go(func() {
			for {
				batch, err := r.stream.Next(stop.ctx, 10)
				if err != nil {
					return
				}
				for _, m := range batch {
					if err := r.stream.Settle(e.ctx(), m, true); err != nil {
						e.Errorf("settle: %v", err)
					}
					got <- string(m.Body)
				}
			}
		})
	}
	want := numbers("m", 200)
	for _, b := range want {
		e.publish(topic, b)
	}
	all := e.collect(got, len(want))
	time.Sleep(e.store.Quiet)
	stop.now()
	wg.Wait()
	close(got)
	for b := range got {
		all = append(all, b)
	}
	e.same(all, want)
}

func publishersAtTheSameTime(e *exam) {
	name := e.topic()
	sub := e.subscribe(name, bus.Earliest())
	topic := bus.NewTopic(e.driver, e.promises, name)
	const publishers, each = 16, 25
	var want []string
	var wg sync.WaitGroup
	for p := range publishers {
		mine := numbers(fmt.Sprintf("p%02d-", p), each)
		want = append(want, mine...)
		wg.Go(func() {
			for _, b := range mine {
				if err := topic.Publish(e.ctx(), &bus.Message{Body: []byte(b)}); err != nil {
					e.Errorf("publish: %v", err)
				}
			}
		})
	}
	wg.Wait()
	topic.Close()
	r := e.receive(e.driver, name, sub)
	r.want(want...)
	r.none()
	if stored, refused := topic.Published(); stored != publishers*each || refused != 0 {
		e.Errorf("counted %d stored, %d refused", stored, refused)
	}
	if err := topic.Publish(e.ctx(), &bus.Message{}); !e.promises.Direct && !errors.Is(err, bus.ErrClosed) {
		e.Errorf("publish after close: %v", err)
	}
}

func notFound(e *exam) {
	if err := e.driver.Publish(e.ctx(), e.name("topic"), []*bus.Message{{}}); !errors.Is(err, bus.ErrNotFound) {
		e.Errorf("publish to an unknown topic: %v, want ErrNotFound", err)
	}
	err := e.driver.EnsureSubscription(e.ctx(), bus.SubscriptionSpec{Topic: e.name("topic"), Name: e.name("sub")})
	if !errors.Is(err, bus.ErrNotFound) {
		e.Errorf("subscribe to an unknown topic: %v, want ErrNotFound", err)
	}
	_, err = e.driver.Receive(e.ctx(), bus.Receive{Topic: e.topic(), Subscription: e.name("sub"), Window: 1})
	if !errors.Is(err, bus.ErrNotFound) {
		e.Errorf("receive from an unknown subscription: %v, want ErrNotFound", err)
	}
}

func tooLarge(e *exam) {
	name := e.topic()
	sub := e.subscribe(name, bus.Earliest())
	topic := bus.NewTopic(e.driver, e.promises, name)
	defer topic.Close()
	var wg sync.WaitGroup
	for _, b := range numbers("m", 20) {
		wg.Go(func() {
			if err := topic.Publish(e.ctx(), &bus.Message{Body: []byte(b)}); err != nil {
				e.Errorf("a small message beside a large one: %v", err)
			}
		})
	}
	wg.Go(func() {
		err := topic.Publish(e.ctx(), &bus.Message{Body: make([]byte, e.promises.MaxBytes+1)})
		if !errors.Is(err, bus.ErrTooLarge) {
			e.Errorf("one byte more than promised: %v, want ErrTooLarge", err)
		}
	})
	wg.Wait()
	r := e.receive(e.driver, name, sub)
	r.want(numbers("m", 20)...)
	r.none()
}

func removedIsGone(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	e.must(e.driver.RemoveSubscription(e.ctx(), topic, sub), "remove subscription")
	e.must(e.driver.RemoveSubscription(e.ctx(), topic, sub), "remove it again")
	if _, err := e.driver.Receive(e.ctx(), bus.Receive{Topic: topic, Subscription: sub, Window: 1}); !errors.Is(err, bus.ErrNotFound) {
		e.Errorf("receive from a removed subscription: %v, want ErrNotFound", err)
	}
	e.must(e.driver.RemoveTopic(e.ctx(), topic), "remove topic")
	e.must(e.driver.RemoveTopic(e.ctx(), topic), "remove it again")
	if err := e.driver.Publish(e.ctx(), topic, []*bus.Message{{}}); !errors.Is(err, bus.ErrNotFound) {
		e.Errorf("publish to a removed topic: %v, want ErrNotFound", err)
	}
}

func listTells(e *exam) {
	topic := e.topic()
	sub := e.subscribe(topic, bus.Earliest())
	d := e.driver
	if e.promises.Listed {
		d = e.open()
	}
	if got := e.find(d, topic, sub); got != [2]bool{true, true} {
		e.Errorf("topic, subscription listed: %v, want both", got)
	}
	e.must(e.driver.RemoveTopic(e.ctx(), topic), "remove topic")
	if got := e.find(d, topic, sub); got != [2]bool{} {
		e.Errorf("removed topic, subscription listed: %v, want none", got)
	}
}

func (e *exam) find(d bus.Driver, topic, sub string) (found [2]bool) {
	e.Helper()
	inv, err := d.List(e.ctx())
	e.must(err, "list")
	for _, n := range inv.Topics {
		found[0] = found[0] || n == topic
	}
	for _, s := range inv.Subscriptions {
		found[1] = found[1] || s == bus.SubscriptionName{Topic: topic, Name: sub}
	}
	return found
}
