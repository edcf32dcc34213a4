package decide_test

import (
	"container/heap"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/autoscaler/decide"
)

// sim is a revision with its queue, its pods and its activator, event by
// event: the toy that decisions are tried on.
type sim struct {
	t      *testing.T
	limit  int           // requests at once per pod; 0: none
	cold   time.Duration // from a scale written to a pod that is ready
	work   func() time.Duration
	now    time.Duration // since the epoch
	events events

	st       decide.State
	have     int32
	ready    int
	inFlight int
	queued   []time.Duration // since when each waits
	arrived  uint64
	area     float64 // requests times seconds since the last report
	areaAt   time.Duration
	report   time.Duration // when the last was sent
	look     time.Duration // when the decider wants to be asked again; 0: never

	done    []time.Duration // when requests ended
	waited  []time.Duration // how long each waited
	scaled  []scale
	clients bool // a request that ends makes another
}

// scale is one change.
type scale struct {
	at   time.Duration
	want int32
}

type event struct {
	at time.Duration
	f  func()
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}

func (s *sim) in(d time.Duration, f func()) { heap.Push(&s.events, event{s.now + d, f}) }

func newSim(t *testing.T, c decide.Config, have int32, cold time.Duration, work func() time.Duration) *sim {
	s := &sim{t: t, limit: int(c.ContainerConcurrency), cold: cold, work: work, have: have, ready: int(have), st: decide.Begin(c, have, epoch)}
	if have > 1 {
		s.st = decide.Begin(c, 1, epoch)
	}
	s.in(0, s.second)
	return s
}

// second is the activator's report of every second.
func (s *sim) second() {
	s.decide()
	s.in(time.Second, s.second)
}

// run goes on until a moment.
func (s *sim) run(until time.Duration) {
	for len(s.events) > 0 && s.events[0].at <= until {
		e, _ := heap.Pop(&s.events).(event)
		s.flow(e.at)
		s.now = e.at
		e.f()
		if s.look > 0 && s.look <= s.now {
			s.decide()
		}
	}
	s.flow(until)
	s.now = until
}

func (s *sim) flow(to time.Duration) {
	s.area += float64(s.inFlight+len(s.queued)) * (to - s.areaAt).Seconds()
	s.areaAt = to
}

// arrive is a request; the activator reports at once when it begins to queue,
// and every 50 ms while it does.
func (s *sim) arrive() {
	s.arrived++
	s.queued = append(s.queued, s.now)
	s.dispatch()
	if n := len(s.queued); n > 0 && (n == 1 && s.have == 0 || s.now-s.report >= 50*time.Millisecond) {
		s.decide()
	}
}

func (s *sim) free() bool {
	return s.ready > 0 && (s.limit == 0 || s.inFlight < s.ready*s.limit)
}

func (s *sim) dispatch() {
	for len(s.queued) > 0 && s.free() {
		s.waited = append(s.waited, s.now-s.queued[0])
		s.queued = s.queued[1:]
		s.inFlight++
		s.in(s.work(), func() {
			s.inFlight--
			s.done = append(s.done, s.now)
			if s.clients {
				s.arrive()
			}
			s.dispatch()
		})
	}
}

// decide reports and does what is decided.
func (s *sim) decide() {
	seconds := (s.now - s.report).Seconds()
	sample := decide.Samples{
		Requests: s.arrived, InFlight: s.inFlight, Queued: len(s.queued), Have: s.have, Ready: int32(s.ready),
		Known: true, Initialised: true, Reachable: true,
	}
	if seconds > 0 {
		sample.Concurrency = s.area / seconds
	}
	s.arrived, s.area, s.report = 0, 0, s.now
	var d decide.Decision
	s.st, d = decide.Next(s.st, sample, epoch.Add(s.now))
	s.look = 0
	if d.Again > 0 {
		s.look = s.now + d.Again
		s.in(d.Again, func() {})
	}
	if d.Want == s.have {
		return
	}
	s.scaled = append(s.scaled, scale{s.now, d.Want})
	more := int(d.Want - s.have)
	s.have = d.Want
	if more < 0 {
		s.ready = min(s.ready, int(d.Want))
		return
	}
	s.in(s.cold, func() {
		s.ready = min(s.ready+more, int(s.have))
		s.dispatch()
	})
}

// rate is how many requests ended per second in a span.
func (s *sim) rate(from, to time.Duration) float64 {
	n := 0
	for _, at := range s.done {
		if at >= from && at < to {
			n++
		}
	}
	return float64(n) / (to - from).Seconds()
}

// turns counts how often it went up after it had gone down.
func turns(list []scale, from time.Duration, have int32) int {
	n, down := 0, false
	for _, c := range list {
		if c.want > have && down {
			n++
		}
		down = c.want < have && c.at >= from
		have = c.want
	}
	return n
}

func steady(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

func TestSimulation_FiftyClientsAtOnePodReachFullRateInTime(t *testing.T) {
	s := newSim(t, decide.ConfigFrom(nil, 10), 1, 300*time.Millisecond, steady(100*time.Millisecond))
	s.clients = true
	s.arrive() // one client for a while
	s.run(90 * time.Second)
	began := s.now
	for range 49 {
		s.arrive()
	}
	full := time.Duration(0)
	for full == 0 && s.now < began+10*time.Second {
		s.run(s.now + 10*time.Millisecond)
		if s.ready >= 5 {
			full = s.now - began
		}
	}
	if full == 0 || full > 500*time.Millisecond {
		t.Errorf("five pods are ready %v after the load began, of which 300ms are their start", full)
	}
	s.run(began + 10*time.Second)
	if rate := s.rate(began+full+200*time.Millisecond, began+10*time.Second); rate < 490 {
		t.Errorf("%g requests a second of 500", rate)
	}
	s.run(began + 5*time.Minute)
	if n := turns(s.scaled, began, 1); n > 0 || s.have != 8 { // 50 at once at 7 a pod
		t.Errorf("%d pods after %d turns: %v", s.have, n, s.scaled)
	}
}

func TestSimulation_ARushFromZeroIsServedAndThenForgotten(t *testing.T) {
	s := newSim(t, decide.ConfigFrom(map[string]string{group + "max-scale": "10", group + "window": "10s"}, 1), 0, 200*time.Millisecond, steady(300*time.Millisecond))
	for range 100 {
		s.arrive()
	}
	s.run(5 * time.Second)
	if len(s.done) != 100 || s.done[99] > 3600*time.Millisecond {
		t.Errorf("%d served, the last at %v", len(s.done), s.done[len(s.done)-1])
	}
	s.run(time.Minute)
	if s.have != 0 || turns(s.scaled, 0, 0) > 0 {
		t.Errorf("%d pods; %v", s.have, s.scaled)
	}
}

func TestSimulation_ConstantLoadDoesNotOscillate(t *testing.T) {
	for _, tt := range []struct {
		name        string
		concurrency int64
		rate        float64 // requests a second, at random
		work        time.Duration
	}{
		{"one at a time", 1, 70, 100 * time.Millisecond},
		{"ten at a time", 10, 300, 200 * time.Millisecond},
		{"any number", 0, 2000, 100 * time.Millisecond},
		{"hardly any", 1, 0.5, 500 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			s := newSim(t, decide.ConfigFrom(nil, tt.concurrency), 0, 500*time.Millisecond, func() time.Duration {
				return time.Duration(random.ExpFloat64() * float64(tt.work))
			})
			var next func()
			next = func() {
				s.arrive()
				s.in(time.Duration(random.ExpFloat64()/tt.rate*1e9), next)
			}
			s.in(0, next)
			s.run(10 * time.Minute)
			most, least, n := int32(0), s.have, 0
			for _, c := range s.scaled {
				if c.at > 3*time.Minute {
					most, least = max(most, c.want), min(least, c.want)
					n++
				}
			}
			ideal := max(1, tt.rate*tt.work.Seconds()/decide.ConfigFrom(nil, tt.concurrency).Target())
			if turns(s.scaled, 3*time.Minute, 0) > 9 {
				t.Errorf("turns %d times in seven minutes: %v", turns(s.scaled, 3*time.Minute, 0), s.scaled)
			}
			if n > 0 && float64(most) > 2.5*ideal+2 {
				t.Errorf("between %d and %d pods where the averages want %.1f", least, most, ideal)
			}
			late := 0
			for _, w := range s.waited {
				if w > 600*time.Millisecond {
					late++
				}
			}
			if share := float64(late) / float64(len(s.waited)); share > 0.01 {
				t.Errorf("%.1f%% waited for more than 600ms", 100*share)
			}
			t.Logf("%d pods at the end, %d..%d after %d changes; averages want %.1f", s.have, least, most, n, ideal)
		})
	}
}

func TestSimulation_UpAndDownAndUpFollowsTheLoad(t *testing.T) {
	s := newSim(t, decide.ConfigFrom(map[string]string{group + "target": "6", group + "window": "20s"}, 0), 0, 500*time.Millisecond, steady(500*time.Millisecond))
	rate := 0.0
	var next func()
	next = func() {
		if rate > 0 {
			s.arrive()
			s.in(time.Duration(1e9/rate), next)
			return
		}
		s.in(100*time.Millisecond, next)
	}
	s.in(0, next)
	for _, phase := range []struct {
		rate float64
		want int32
	}{{8, 1}, {16, 2}, {24, 3}, {32, 4}, {0, 0}, {32, 4}} {
		rate = phase.rate
		s.run(s.now + 90*time.Second)
		if s.have < phase.want || s.have > phase.want+1 || phase.want == 0 && s.have != 0 {
			t.Errorf("at %g a second: want %d pods, got %d", phase.rate, phase.want, s.have)
		}
	}
	if n := turns(s.scaled, 30*time.Second, 1); n != 1 {
		t.Errorf("%d turns, want the one that was asked for: %v", n, s.scaled)
	}
}
