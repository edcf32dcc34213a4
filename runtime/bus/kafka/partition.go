package kafka

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// partition is one that is assigned to a stream, under the stream's lock.
type partition struct {
	cursor    *bus.Cursor
	committed int64
	held      int           // delivered and not settled
	lost      chan struct{} // closed when it goes to another
	idle      chan struct{} // closed when it is lost and nothing is held
}

// receipt is what Settle needs.
type receipt struct {
	partition *partition
	record    *kgo.Record
}

// hold notes a record that is delivered.
func (s *stream) hold(r *kgo.Record) *bus.Message {
	p := s.partitions[r.Partition]
	if p == nil {
		p = &partition{cursor: bus.NewCursor(r.Offset), committed: r.Offset, lost: make(chan struct{}), idle: make(chan struct{})}
		s.partitions[r.Partition] = p
	}
	p.cursor.Hold(r.Offset)
	p.held++
	m := fromKafka(r)
	m.Receipt, m.Lost = receipt{p, r}, p.lost
	return m
}

// release counts what is no longer held.
func (p *partition) release() {
	p.held--
	p.rest()
}

func (p *partition) rest() {
	select {
	case <-p.lost:
		if p.held == 0 {
			close(p.idle)
		}
	default:
	}
}

// revokeWait is for how long handlers at work may end before their partition
// goes to another; less than the group's rebalance timeout.
const revokeWait = 30 * time.Second

// revoke gives up partitions: what waits is dropped, what is being handled gets
// its time, and what was settled is committed.
func (s *stream) revoke(numbers []int32) {
	s.mu.Lock()
	var going []*partition
	for _, n := range numbers {
		if p := s.partitions[n]; p != nil {
			close(p.lost)
			p.rest()
			going = append(going, p)
		}
	}
	s.mu.Unlock()
	deadline := time.NewTimer(revokeWait)
	defer deadline.Stop()
	for _, p := range going {
		select {
		case <-p.idle:
		case <-deadline.C:
		case <-s.closing:
		}
	}
	s.commit()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range numbers {
		delete(s.partitions, n)
	}
}
