package bustest

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// Bench measures a driver under the portable half, with bodies of 256 bytes:
// publishing one by one and by many at once, delivering, and what idle
// subscriptions cost.
func Bench(b *testing.B, promises bus.Promises, open func(b *testing.B) bus.Driver) {
	b.Run("publish-one-by-one", func(b *testing.B) { benchPublish(b, promises, open(b), 1, 1) })
	b.Run("publish-64-at-once", func(b *testing.B) { benchPublish(b, promises, open(b), 64, 1) })
	b.Run("publish-batches-of-256", func(b *testing.B) { benchPublish(b, promises, open(b), 4, 256) })
	b.Run("deliver", func(b *testing.B) { benchDeliver(b, promises, open(b)) })
}

func topicFor(b *testing.B, d bus.Driver) string {
	b.Helper()
	name := fmt.Sprintf("bench.%p", b)
	if err := d.EnsureTopic(b.Context(), bus.TopicSpec{Name: name}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.RemoveTopic(context.WithoutCancel(b.Context()), name) })
	return name
}

func message() *bus.Message {
	return &bus.Message{Key: "k", Body: make([]byte, 256), Headers: map[string]string{"ce-id": "1", "ce-source": "/bench", "ce-type": "t"}}
}

func benchPublish(b *testing.B, promises bus.Promises, d bus.Driver, publishers, batch int) {
	topic := bus.NewTopic(d, promises, topicFor(b, d))
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	like := message() // what it costs to make one is the sender's
	for range publishers {
		wg.Go(func() {
			for left.Add(-int64(batch)) > -int64(batch) {
				if err := topic.Publish(b.Context(), copies(like, batch)...); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	topic.Close()
}

// copies are n messages with the same headers and body.
func copies(like *bus.Message, n int) []*bus.Message {
	slab, batch := make([]bus.Message, n), make([]*bus.Message, n)
	for i := range slab {
		slab[i] = *like
		batch[i] = &slab[i]
	}
	return batch
}

func benchDeliver(b *testing.B, promises bus.Promises, d bus.Driver) {
	name := topicFor(b, d)
	if err := d.EnsureSubscription(b.Context(), bus.SubscriptionSpec{Topic: name, Name: "s"}); err != nil {
		b.Fatal(err)
	}
	for sent := 0; sent < b.N; {
		batch := make([]*bus.Message, min(256, b.N-sent))
		for i := range batch {
			batch[i] = message()
		}
		if err := d.Publish(b.Context(), name, batch); err != nil {
			b.Fatal(err)
		}
		sent += len(batch)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var got atomic.Int64
	s := bus.NewSubscription(bus.SubscriptionConfig{Driver: d, Topic: name, Name: "s", Log: quiet()})
	b.ReportAllocs()
	b.ResetTimer()
	_ = s.Run(ctx, func(context.Context, *bus.Message) bus.Verdict {
		if got.Add(1) == int64(b.N) {
			cancel()
		}
		return bus.Ack()
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchIdle measures the memory of n subscriptions that wait: of one topic, of a
// tenth as many topics, and of one topic each.
func BenchIdle(b *testing.B, open func(b *testing.B) bus.Driver, n int) {
	for _, topics := range []int{1, n / 10, n} {
		b.Run(fmt.Sprintf("of-%d-topics", topics), func(b *testing.B) { benchIdle(b, open, n, topics) })
	}
}

func benchIdle(b *testing.B, open func(b *testing.B) bus.Driver, n, topics int) {
	for range b.N {
		d := open(b)
		before := heap()
		ctx, cancel := context.WithCancel(b.Context())
		var wg sync.WaitGroup
		for i := range n {
			topic, name := fmt.Sprintf("idle.%d", i%topics), fmt.Sprintf("s%d", i)
			if err := d.EnsureTopic(ctx, bus.TopicSpec{Name: topic}); err != nil {
				b.Fatal(err)
			}
			if err := d.EnsureSubscription(ctx, bus.SubscriptionSpec{Topic: topic, Name: name}); err != nil {
				b.Fatal(err)
			}
			s := bus.NewSubscription(bus.SubscriptionConfig{Driver: d, Topic: topic, Name: name, Log: quiet()})
			wg.Go(func() { _ = s.Run(ctx, func(context.Context, *bus.Message) bus.Verdict { return bus.Ack() }) })
		}
		b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
		cancel()
		wg.Wait()
	}
}

// heap is what the process has from the system for objects and stacks.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
