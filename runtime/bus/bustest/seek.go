package bustest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// seekAtAnyTime moves a running subscription right after and in the middle of
// its deliveries, over and over, while others look at it. After each move every
// message comes again.
func seekAtAnyTime(policy bus.Policy) func(*exam) {
	return func(e *exam) {
		const rounds, each = 12, 8
		topic := e.topic()
		sub := e.name("sub")
		e.ensure(bus.SubscriptionSpec{Topic: topic, Name: sub, Ordered: policy.Ordered})
		c := &counts{seen: map[string]int{}, more: make(chan struct{}, 1)}
		_, stop := e.run(e.driver, topic, sub, policy, func(_ context.Context, m *bus.Message) bus.Verdict {
			c.add(string(m.Body))
			return bus.Ack()
		})
		look := e.lookOn(topic, sub)
		movers := []bus.Seeker{e.driver.(bus.Seeker), e.driver.(bus.Seeker)}
		if e.store.MovedFromElsewhere {
			movers[1] = e.open().(bus.Seeker)
		}
		var all []string
		for round := range rounds {
			bodies := numbers(fmt.Sprintf("r%02d-", round), each)
			all = append(all, bodies...)
			e.publishKeyed(topic, "k", bodies...)
			c.await(e, bodies[:each>>(round%2)]) // all of them, or half
			c.forget()
			e.must(movers[round/2%2].Seek(e.ctx(), topic, sub, bus.Earliest()), "seek")
			c.await(e, all)
		}
		look()
		stop()
	}
}

// lookOn does what reconcilers and gauges do meanwhile, until told to stop.
func (e *exam) lookOn(topic, sub string) (stop func()) {
	ctx, cancel := context.WithCancel(e.ctx())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			if err := e.driver.EnsureSubscription(ctx, bus.SubscriptionSpec{Topic: topic, Name: sub}); err != nil && ctx.Err() == nil {
				e.Errorf("ensure subscription: %v", err)
			}
			if g, ok := e.driver.(bus.Gauge); ok && e.promises.Lag {
				if _, err := g.Lag(ctx, topic, sub); err != nil && ctx.Err() == nil {
					e.Errorf("lag: %v", err)
				}
			}
			time.Sleep(time.Millisecond)
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// counts is what has been delivered since it last forgot.
type counts struct {
	mu   sync.Mutex
	seen map[string]int
	more chan struct{}
}

func (c *counts) add(body string) {
	c.mu.Lock()
	c.seen[body]++
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func (c *counts) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.seen)
}

// await returns when each of these was delivered.
func (c *counts) await(e *exam, bodies []string) {
	e.Helper()
	patience := time.After(Patience)
	for {
		missing := c.missing(bodies)
		if len(missing) == 0 {
			return
		}
		select {
		case <-c.more:
		case <-patience:
			e.Fatalf("%d of %d never came, such as %s", len(missing), len(bodies), missing[0])
		}
	}
}

func (c *counts) missing(bodies []string) (missing []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range bodies {
		if c.seen[b] == 0 {
			missing = append(missing, b)
		}
	}
	return missing
}
