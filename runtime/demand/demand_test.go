package demand

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluice-dev/sluice/runtime/activator"
	"github.com/sluice-dev/sluice/runtime/stat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source is an activator with loads as the test says.
type source struct {
	hints chan struct{}
	mu    sync.Mutex
	loads map[activator.Key]activator.Load

	pods      []stat.Pod
	errors    atomic.Uint64
	durations stat.Histogram
	troubles  chan string
}

func newSource() *source {
	return &source{hints: make(chan struct{}, 1), loads: map[activator.Key]activator.Load{}, troubles: make(chan string, 1)}
}

func (s *source) set(l activator.Load) {
	s.mu.Lock()
	s.loads[l.Key] = l
	s.mu.Unlock()
	select {
	case s.hints <- struct{}{}:
	default:
	}
}

func (s *source) Hints() <-chan struct{} { return s.hints }

func (s *source) Active(f func(activator.Load) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, l := range s.loads {
		if !f(l) {
			delete(s.loads, k)
		}
	}
}

func (s *source) Pods(activator.Key, int) []stat.Pod { return s.pods }

func (s *source) Errors(activator.Key) uint64 { return s.errors.Load() }

func (s *source) Durations(activator.Key) stat.Counts { return s.durations.Counts() }

func (s *source) Trouble(k activator.Key, why string) { s.troubles <- k.String() + ": " + why }

func (s *source) active() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.loads)
}

// leader is wherever the test says.
type leader struct {
	mu      sync.Mutex
	address string
	moved   chan struct{}
}

func (l *leader) Address() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.address
}

func (l *leader) Moved() <-chan struct{} { return l.moved }

func (l *leader) is(address string) {
	l.mu.Lock()
	l.address = address
	l.mu.Unlock()
	select {
	case l.moved <- struct{}{}:
	default:
	}
}

type starter func(namespace, revision string) error

func (s starter) Start(_ context.Context, namespace, revision string) error {
	return s(namespace, revision)
}

// autoscaler is the other half: it collects frames and acknowledges wakes.
func autoscaler(t *testing.T, ack stat.Ack) (address string, frames <-chan stat.Frame) {
	t.Helper()
	return autoscalerOf(t, ack, stat.BlockType+", application/x-ndjson")
}

// autoscalerOf says what it accepts.
func autoscalerOf(t *testing.T, ack stat.Ack, accepts string) (address string, frames <-chan stat.Frame) {
	t.Helper()
	got := make(chan stat.Frame, 10000)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		flush := http.NewResponseController(w).Flush
		if accepts != "" {
			w.Header().Set("Accept-Post", accepts)
		}
		w.WriteHeader(http.StatusOK)
		_ = flush()
		take := func(f stat.Frame) {
			got <- f
			if f.Wake {
				ack.Namespace, ack.Revision = f.Namespace, f.Revision
				_ = json.NewEncoder(w).Encode(ack)
				_ = flush()
			}
		}
		if accepts == "" {
			readLines(r.Body, take)
			return
		}
		if err := readBlocks(r.Body, take); err != nil {
			t.Error(err)
		}
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), got
}

func readLines(body io.Reader, take func(stat.Frame)) {
	for dec := json.NewDecoder(body); ; {
		var f stat.Frame
		if dec.Decode(&f) != nil {
			return
		}
		take(f)
	}
}

// readBlocks says what is wrong with a block.
func readBlocks(body io.Reader, take func(stat.Frame)) error {
	var u stat.Unpacker
	for in := bufio.NewReader(body); ; {
		mark, err := in.ReadByte()
		if err != nil {
			return nil // the stream is over
		}
		length, err := binary.ReadUvarint(in)
		if err != nil || mark != stat.BlockMark || length > stat.BlockLongest {
			return fmt.Errorf("a block of %d bytes after %#x: %w", length, mark, err)
		}
		block := make([]byte, length)
		if _, err := io.ReadFull(in, block); err != nil {
			return nil
		}
		u.Begin(block)
		for told, more := u.Next(); more; told, more = u.Next() {
			f := *told.Frame
			f.Pods = slices.Clone(f.Pods)
			take(f)
		}
		if u.Err() != nil {
			return u.Err()
		}
	}
}

// run starts a Teller and ends it with the test.
func run(t *testing.T, cfg Config, s Source) *Teller {
	t.Helper()
	cfg.ID = "a1"
	teller, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // it is awaited after t.Context has ended
	done := make(chan error, 1)
	go func() { done <- teller.Run(ctx, s) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return teller
}

var key = activator.Key{Namespace: "default", Revision: "hello-1"}

func never(t *testing.T) starter {
	return func(string, string) error { t.Error("asked for a pod directly"); return nil }
}

func TestTeller_AnActiveRevisionIsToldOfAtOnceAndThenEachPeriodUntilItIsQuiet(t *testing.T) {
	address, frames := autoscaler(t, stat.Ack{})
	s, l := newSource(), &leader{moved: make(chan struct{}, 1)}
	run(t, Config{Leader: l, Starter: never(t), Period: 20 * time.Millisecond, Sample: time.Millisecond, Idle: 50 * time.Millisecond}, s)
	l.is(address)
	s.set(activator.Load{Key: key, InFlight: 3, Ready: 2})
	first := <-frames
	if first.Revision != "hello-1" || first.Activator != "a1" || first.InFlight != 3 || first.Ready != 2 || first.Concurrency != 3 {
		t.Errorf("first: %+v", first)
	}
	if next := <-frames; next.Seconds <= 0 || next.Concurrency < 2.9 || next.Concurrency > 3.1 {
		t.Errorf("next: %+v", next)
	}
	s.set(activator.Load{Key: key, Requests: 30})
	for f := range frames {
		if f.InFlight == 0 && f.Requests == 0 {
			break
		}
	}
	for s.active() > 0 {
		time.Sleep(time.Millisecond)
	}
}

func TestTeller_AnAutoscalerThatKnowsNoBlocksGetsLines(t *testing.T) {
	address, frames := autoscalerOf(t, stat.Ack{Want: 1}, "")
	s, l := newSource(), &leader{moved: make(chan struct{}, 1)}
	teller := run(t, Config{Leader: l, Starter: never(t), Patience: 10 * time.Second}, s)
	l.is(address)
	s.set(activator.Load{Key: key, InFlight: 3, Ready: 2})
	if f := <-frames; f.InFlight != 3 || f.Activator != "a1" || f.Revision != "hello-1" {
		t.Errorf("%+v", f)
	}
	if err := teller.Wake(t.Context(), key); err != nil {
		t.Error(err)
	}
}

func TestTeller_WhatWasWhileNobodyLedIsNotToldAsIfItWereNow(t *testing.T) {
	address, frames := autoscaler(t, stat.Ack{Want: 1})
	s, l := newSource(), &leader{moved: make(chan struct{}, 1)}
	started := make(chan string, 1)
	cfg := Config{Leader: l, Period: 5 * time.Millisecond, Sample: time.Millisecond, Patience: 5 * time.Millisecond,
		Starter: starter(func(ns, revision string) error { started <- ns + "/" + revision; return nil })}
	teller := run(t, cfg, s)
	gone := activator.Key{Namespace: "default", Revision: "gone-1"}
	if err := teller.Wake(t.Context(), gone); err != nil { // in vain, and over
		t.Error(err)
	}
	<-started
	for n := range 100 {
		s.set(activator.Load{Key: key, InFlight: 7, Requests: uint64(100 * n)})
		time.Sleep(time.Millisecond)
	}
	s.set(activator.Load{Key: key, InFlight: 1, Requests: 10_000})
	l.is(address)
	for range 3 {
		if f := <-frames; f.Revision != key.Revision || f.InFlight != 1 || f.Requests > 100 || f.Wake {
			t.Errorf("%+v", f)
		}
	}
}

func TestTeller_WhoWaitsForAPodAsksWhoeverBeginsToLead(t *testing.T) {
	address, _ := autoscaler(t, stat.Ack{Want: 1})
	l := &leader{moved: make(chan struct{}, 1)}
	teller := run(t, Config{Leader: l, Starter: never(t), Patience: 10 * time.Second}, newSource())
	answered := make(chan error, 1)
	go func() { answered <- teller.Wake(t.Context(), key) }()
	for waits := 0; waits == 0; time.Sleep(time.Millisecond) { // nothing announces it
		teller.mu.Lock()
		waits = len(teller.waits)
		teller.mu.Unlock()
	}
	l.is(address)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestTeller_WhatIsToldAtOnceComesInBlocksThatAreNotTooLong(t *testing.T) {
	address, frames := autoscaler(t, stat.Ack{})
	s, l := newSource(), &leader{moved: make(chan struct{}, 1)}
	for i := range stat.PodsTold {
		s.pods = append(s.pods, stat.Pod{Name: fmt.Sprintf("%0250d", i)})
	}
	const n = 50
	run(t, Config{Leader: l, Starter: never(t), Period: time.Hour, Sample: time.Hour, Idle: time.Hour}, s)
	for i := range n {
		s.set(activator.Load{Key: activator.Key{Namespace: "default", Revision: fmt.Sprint("hello-", i)}, InFlight: 1, Ready: 2})
	}
	l.is(address)
	seen := map[string]bool{}
	for range n {
		f := <-frames
		if seen[f.Revision] = true; len(f.Pods) != stat.PodsTold || f.Pods[63].Name != s.pods[63].Name {
			t.Fatalf("%s: %d pods", f.Revision, len(f.Pods))
		}
	}
	if len(seen) != n {
		t.Errorf("%d revisions", len(seen))
	}
}

func TestTeller_AGrowingQueueIsToldOfAtOnce(t *testing.T) {
	address, frames := autoscaler(t, stat.Ack{})
	s, l := newSource(), &leader{moved: make(chan struct{}, 1)}
	run(t, Config{Leader: l, Starter: never(t), Period: time.Hour, Sample: time.Hour}, s)
	l.is(address)
	s.set(activator.Load{Key: key, InFlight: 1})
	<-frames
	s.set(activator.Load{Key: key, InFlight: 1, Queued: 9})
	if f := <-frames; f.Queued != 9 {
		t.Errorf("%+v", f)
	}
}

func TestTeller_AWakeIsAnswered(t *testing.T) {
	address, _ := autoscaler(t, stat.Ack{Want: 1})
	l := &leader{moved: make(chan struct{}, 1)}
	teller := run(t, Config{Leader: l, Starter: never(t), Patience: 10 * time.Second}, newSource())
	l.is(address)
	if err := teller.Wake(t.Context(), key); err != nil {
		t.Error(err)
	}
}

func TestTeller_ARefusedWakeSaysWhy(t *testing.T) {
	address, _ := autoscaler(t, stat.Ack{Error: "quota exceeded"})
	l := &leader{moved: make(chan struct{}, 1)}
	teller := run(t, Config{Leader: l, Starter: never(t), Patience: 10 * time.Second}, newSource())
	l.is(address)
	if err := teller.Wake(t.Context(), key); err == nil || err.Error() != "quota exceeded" {
		t.Error(err)
	}
}

func TestTeller_WithoutAnAutoscalerThePodIsAskedForDirectly(t *testing.T) {
	started := make(chan string, 1)
	l := &leader{moved: make(chan struct{}, 1)}
	teller := run(t, Config{Leader: l, Patience: time.Millisecond, Starter: starter(func(ns, revision string) error {
		started <- ns + "/" + revision
		return nil
	})}, newSource())
	if err := teller.Wake(t.Context(), key); err != nil {
		t.Error(err)
	}
	if got := <-started; got != "default/hello-1" {
		t.Error(got)
	}
}

func TestTeller_FollowsTheLeader(t *testing.T) {
	one, first := autoscaler(t, stat.Ack{})
	two, second := autoscaler(t, stat.Ack{})
	s, l := newSource(), &leader{moved: make(chan struct{}, 1)}
	run(t, Config{Leader: l, Starter: never(t), Period: time.Millisecond, Sample: time.Millisecond}, s)
	l.is(one)
	s.set(activator.Load{Key: key, InFlight: 1})
	<-first
	l.is(two)
	<-second
}

func TestTeller_WhileRequestsWaitItIsToldOfOftener(t *testing.T) {
	address, frames := autoscaler(t, stat.Ack{})
	s, l := newSource(), &leader{moved: make(chan struct{}, 1)}
	run(t, Config{Leader: l, Starter: never(t), Period: time.Hour, Rush: time.Millisecond, Sample: time.Millisecond}, s)
	l.is(address)
	s.set(activator.Load{Key: key, InFlight: 1, Queued: 1})
	for range 5 {
		<-frames
	}
}

func TestTeller_TellsPodsAndDurationsAndHandsTroubleOn(t *testing.T) {
	address, frames := autoscaler(t, stat.Ack{Trouble: "no such image"})
	s, l := newSource(), &leader{moved: make(chan struct{}, 1)}
	s.pods = []stat.Pod{{Name: "a", Retiring: true}, {Name: "b", InFlight: 1}}
	teller := run(t, Config{Leader: l, Starter: starter(func(string, string) error { return nil }), Period: time.Hour, Sample: time.Millisecond}, s)
	l.is(address)
	s.set(activator.Load{Key: key, InFlight: 1, Ready: 2})
	first := <-frames
	s.durations.Observe(40 * time.Millisecond)
	s.set(activator.Load{Key: key, InFlight: 1, Ready: 2, Retiring: 1}) // waited for, so told at once
	f := <-frames
	if len(first.Pods) != 2 || len(f.Pods) != 2 || f.Pods[0] != s.pods[0] || first.P50 != 0 || f.P50 < 0.025 || f.P95 > 0.05 {
		t.Errorf("%+v, then %+v", first, f)
	}
	if err := teller.Wake(t.Context(), key); err != nil { // trouble is no answer
		t.Error(err)
	}
	if got := <-s.troubles; got != "default/hello-1: no such image" {
		t.Error(got)
	}
}

func TestTeller_TellsWhatWasAnsweredAlsoAfterASilence(t *testing.T) {
	address, frames := autoscaler(t, stat.Ack{})
	s, l := newSource(), &leader{moved: make(chan struct{}, 1)}
	run(t, Config{Leader: l, Starter: never(t), Period: time.Millisecond, Sample: time.Millisecond, Idle: time.Millisecond}, s)
	l.is(address)
	total, failed := 0, 0.0
	for round := range 3 {
		s.durations.Observe(3 * time.Millisecond)
		s.errors.Add(1)
		s.set(activator.Load{Key: key})
		for total <= round {
			f := <-frames
			for _, n := range f.Slow {
				total += int(n)
			}
			failed += f.Errors
		}
		for s.active() > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	if total != 3 || failed != 3 {
		t.Errorf("%d answers, %v failed, want 3 of 3", total, failed)
	}
}
