package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
)

const (
	// atOnce is how many records of a partition are on their way where the source
	// is not ordered.
	atOnce = 32
	// grace is for how long an event that is on its way may be acknowledged when
	// its partition goes. Then it is sent again by whoever has the partition next.
	grace = 2 * time.Second
)

// worker sends the records of one partition.
type worker struct {
	source  *Source
	place   place
	records chan []*kgo.Record
	stop    chan struct{} // closed when nothing new is to be sent
	cancel  context.CancelFunc
	done    chan struct{}
}

// worker is a partition's, which begins to work if it does not.
func (s *Source) worker(ctx context.Context, p place) *worker {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.workers[p]
	if w == nil {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		w = &worker{source: s, place: p, records: make(chan []*kgo.Record), stop: make(chan struct{}), cancel: cancel, done: make(chan struct{})}
		s.workers[p] = w
		go w.run(ctx)
	}
	return w
}

// give hands records over, unless the partition has gone.
func (w *worker) give(ctx context.Context, records []*kgo.Record) {
	select {
	case w.records <- records:
	case <-w.stop:
	case <-ctx.Done():
	}
}

// stop ends workers; none sends or marks anything afterwards.
func stop(workers []*worker) {
	for _, w := range workers {
		close(w.stop)
		timer := time.AfterFunc(grace, w.cancel)
		defer timer.Stop()
	}
	for _, w := range workers {
		<-w.done
		w.cancel()
	}
}

func (w *worker) run(ctx context.Context) {
	defer close(w.done)
	for {
		select {
		case <-w.stop:
			return
		case records := <-w.records:
			if !w.send(ctx, records) {
				return
			}
			w.source.client.ResumeFetchPartitions(map[string][]int32{w.place.topic: {w.place.partition}})
		}
	}
}

// send sends and marks records; false is the end.
func (w *worker) send(ctx context.Context, records []*kgo.Record) bool {
	most := 1
	if !w.source.spec.Ordered {
		most = atOnce
	}
	for len(records) > 0 {
		select {
		case <-w.stop:
			return false
		default:
		}
		n := min(most, len(records))
		taken := w.sendSome(ctx, records[:n])
		if taken > 0 {
			w.source.client.MarkCommitRecords(records[taken-1])
		}
		if taken < n {
			return false
		}
		records = records[n:]
	}
	return true
}

// sendSome sends records at once, and returns how many are settled without a gap.
func (w *worker) sendSome(ctx context.Context, records []*kgo.Record) (taken int) {
	settled := make([]bool, len(records))
	var g errgroup.Group
	for i, r := range records {
		g.Go(func() error {
			settled[i] = w.sendOne(ctx, r)
			return nil
		})
	}
	_ = g.Wait() // none gives an error
	for taken < len(settled) && settled[taken] {
		taken++
	}
	return taken
}

// sendOne is false when ctx has ended first. What the sink refuses is logged and
// over.
func (w *worker) sendOne(ctx context.Context, r *kgo.Record) bool {
	e := event(w.source.cfg.Source.Ref, r)
	err := w.source.cfg.Sink.Send(ctx, &e)
	if err == nil {
		return true
	}
	if ctx.Err() != nil {
		return false
	}
	w.source.cfg.Log.Error("record refused", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "id", e.ID, "error", err)
	return true
}
