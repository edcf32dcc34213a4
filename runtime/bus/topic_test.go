package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// slow is a driver whose calls of Publish each wait for one word.
type slow struct {
	Driver
	let chan error

	mu      sync.Mutex // guards batches
	batches []int
	running atomic.Int32
	most    atomic.Int32
}

func (d *slow) Publish(ctx context.Context, _ string, batch []*Message) error {
	d.mu.Lock()
	d.batches = append(d.batches, len(batch))
	d.mu.Unlock()
	d.most.Store(max(d.most.Load(), d.running.Add(1)))
	defer d.running.Add(-1)
	select {
	case err := <-d.let:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// TestTopic_StoresTogetherWhatWaitsForAFlight: a few calls are under way, each in
// its caller's goroutine; the rest is stored at once when the first has landed.
func TestTopic_StoresTogetherWhatWaitsForAFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &slow{let: make(chan error)}
		topic := NewTopic(d, Promises{}, "t")
		done := make(chan error, 10)
		for range 10 {
			go func() { done <- topic.Publish(t.Context(), &Message{}) }()
			synctest.Wait()
		}
		if got := fmt.Sprint(d.batches); got != "[1 1 1 1]" {
			t.Fatalf("under way: %s", got)
		}
		d.let <- nil
		synctest.Wait()
		if got := fmt.Sprint(d.batches); got != "[1 1 1 1 6]" || len(done) != 1 {
			t.Fatalf("after one has landed: %s, %d answered", got, len(done))
		}
		for range 4 {
			d.let <- nil
		}
		topic.Close()
		for range 10 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if stored, _ := topic.Published(); stored != 10 || d.most.Load() != maxFlights || topic.flights != 0 {
			t.Errorf("%d stored, %d at once, %d flights left", stored, d.most.Load(), topic.flights)
		}
	})
}

// TestTopic_WhoLeavesHoldsUpNobody: a caller that does not wait any more gets its
// answer, and what came behind it is stored.
func TestTopic_WhoLeavesHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &slow{let: make(chan error)}
		topic := NewTopic(d, Promises{}, "t")
		ctx, cancel := context.WithCancelCause(t.Context())
		left, stored := make(chan error, maxFlights), make(chan error, 1)
		for range maxFlights {
			go func() { left <- topic.Publish(ctx, &Message{}) }()
		}
		synctest.Wait()
		go func() { stored <- topic.Publish(t.Context(), &Message{}) }()
		synctest.Wait()
		gone := errors.New("gone")
		cancel(gone)
		for range maxFlights {
			if err := <-left; !errors.Is(err, gone) {
				t.Errorf("got %v", err)
			}
		}
		d.let <- nil
		if err := <-stored; err != nil {
			t.Error(err)
		}
		topic.Close()
		if err := topic.Publish(t.Context(), &Message{}); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// TestTopic_OneTooLargeFailsNoOther: calls that were stored together are tried
// one by one.
func TestTopic_OneTooLargeFailsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &slow{let: make(chan error)}
		topic := NewTopic(d, Promises{}, "t")
		answers := make(chan error, maxFlights+2)
		for range maxFlights + 2 {
			go func() { answers <- topic.Publish(t.Context(), &Message{}) }()
			synctest.Wait()
		}
		for _, err := range []error{nil, nil, nil, nil, ErrTooLarge, ErrTooLarge, nil} { // two together, then each alone
			d.let <- err
			synctest.Wait()
		}
		topic.Close()
		failed := 0
		for range maxFlights + 2 {
			if err := <-answers; errors.Is(err, ErrTooLarge) {
				failed++
			} else if err != nil {
				t.Error(err)
			}
		}
		if failed != 1 {
			t.Errorf("%d failed", failed)
		}
	})
}
