package bustest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// oneByOne publishes messages of many keys and of none, and has receivers of one
// at a time stop in order and follow each other meanwhile, each with many more
// in its window.
func oneByOne(e *exam) {
	name := e.topic()
	sub := e.subscribe(name, bus.Earliest())
	topic := bus.NewTopic(e.driver, e.promises, name)
	defer topic.Close()
	want := numbers("m", 600)
	var mu sync.Mutex
	var got []string
	part := make(chan struct{}, len(want))
	h := func(_ context.Context, m *bus.Message) bus.Verdict {
		mu.Lock()
		defer mu.Unlock()
		if n := len(got); n == 0 || got[n-1] != string(m.Body) { // a copy in its place is in order
			got = append(got, string(m.Body))
		}
		part <- struct{}{}
		return bus.Ack()
	}
	var publishing sync.WaitGroup
	publishing.Go(func() {
		for i, body := range want {
			m := &bus.Message{Body: []byte(body)}
			if i%3 > 0 {
				m.Key = fmt.Sprint("k", i%7)
			}
			if err := topic.Publish(e.Context(), m); err != nil {
				e.Errorf("publish: %v", err)
				return
			}
		}
	})
	for from := 0; from < len(want); from += 120 {
		_, stop := e.run(e.driver, name, sub, bus.Policy{Concurrency: 1}, h)
		for range 120 {
			select {
			case <-part:
			case <-time.After(Patience):
				e.Fatalf("%d of %d arrived", len(got), len(want))
			}
		}
		if from+120 < len(want) {
			stop()
		}
	}
	e.eventually("everything arrived", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(got) >= len(want)
	})
	publishing.Wait()
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(got, want) {
		e.Errorf("not in sequence: %q", outOfPlace(got))
	}
}

// outOfPlace are messages that do not follow what came before, each with that.
func outOfPlace(got []string) (pairs [][]string) {
	for i := 1; i < len(got) && len(pairs) < 5; i++ {
		if got[i] <= got[i-1] {
			pairs = append(pairs, got[i-1:i+1])
		}
	}
	return pairs
}
