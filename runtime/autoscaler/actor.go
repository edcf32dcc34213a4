package autoscaler

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/autoscaler/decide"
	"github.com/sluice-dev/sluice/runtime/stat"
)

const (
	retryFirst = 50 * time.Millisecond // after the first failed write; doubled each time
	retryLast  = 5 * time.Second
	kept       = 32 // decisions that are remembered

	writeTimeout = 10 * time.Second
)

// revision is one revision: an entry of the map, and an actor while there is
// something to decide.
type revision struct {
	key   Key
	owner *Autoscaler

	due   time.Time // the agenda's
	place int       // the agenda's

	mu       sync.Mutex // guards what follows
	there    bool       // it has a Deployment
	facts    facts
	wrote    int64 // the generation before our last write; what is not newer does not know of it
	told     bool  // a route has led to it
	grace    time.Time
	gone     bool    // the map has it no longer
	expected bool    // the agenda has it among those that were reported
	loads    []*load // one of each activator that has said something
	requests float64 // since the last decision
	wakes    []wake
	answers  *answers // so far; nil if nobody has asked it
	starting starting
	actor    *actor // nil while nothing is to be decided
	last     decide.Decision
	rate     float64 // requests per second, as reported last
	history  []decide.Decision
}

// actor is the moving part of a revision.
type actor struct {
	state    decide.State
	news     chan struct{} // something may have changed
	failures int           // of writes, in a row
	failed   Order         // what could not be written
	why      error
	retry    time.Time // when it may be tried again
	leaving  leaving
	wakes    []wake // to be answered with what was decided
}

// poke says that something may have changed.
func (v *revision) poke() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.expected = false
	v.stir()
}

// stir is poke for who holds mu.
func (v *revision) stir() {
	if v.actor != nil {
		select {
		case v.actor.news <- struct{}{}:
		default: // it has been told already
		}
		return
	}
	if v.owner.base.Err() != nil || !v.there && len(v.wakes) == 0 && len(v.loads) == 0 {
		return
	}
	m := &actor{state: decide.Begin(v.facts.config, v.facts.have, time.Now()), news: make(chan struct{}, 1)}
	v.actor = m
	v.owner.actors.Go(func() { v.run(m) })
}

// set takes what the Deployment says now. It is false if v is forgotten already.
func (v *revision) set(f facts) bool {
	v.mu.Lock()
	if v.gone {
		v.mu.Unlock()
		return false
	}
	if v.there && f.uid == v.facts.uid && f.generation <= v.wrote {
		f.have, f.failed, f.activation, f.activated = v.facts.have, v.facts.failed, v.facts.activation, v.facts.activated // from before our own write
	} else {
		v.wrote = 0
	}
	same := v.there && f == v.facts
	if v.actor != nil && f.config != v.facts.config {
		v.actor.state = v.actor.state.Configured(f.config, time.Now())
	}
	v.there, v.facts = true, f
	v.mu.Unlock()
	if !same {
		v.poke()
	}
	return true
}

// run decides, writes and waits until there is nothing left to decide.
func (v *revision) run(m *actor) {
	ctx := v.owner.base
	for ctx.Err() == nil {
		now := time.Now()
		o, d, write := v.decide(m, now)
		var err error
		if o, d.Again = v.yield(ctx, m, o, d, now); write && !(o.Replicas == d.Have && !o.Annotate) {
			err = v.write(ctx, m, o, d, now)
		}
		v.acknowledge(m, d.Want, err)
		if v.inspect(ctx, now) {
			continue // it may have to be written
		}
		again, over := v.rest(m, d, err)
		if over {
			v.owner.forget(v)
			return
		}
		if again > 0 {
			v.owner.agenda.set(v, now.Add(again))
		}
		select {
		case <-m.news:
		case <-ctx.Done():
		}
	}
	v.mu.Lock()
	v.actor = nil
	v.mu.Unlock()
}

// decide asks the policy, and says whether the cluster must be told.
func (v *revision) decide(m *actor, now time.Time) (o Order, d decide.Decision, write bool) {
	known, routed, synced := v.owner.view(v.key, now)
	v.mu.Lock()
	defer v.mu.Unlock()
	m.wakes, v.wakes = v.wakes, nil
	g := v.gather(now)
	if !v.there {
		return o, d, false
	}
	s := decide.Samples{
		Concurrency: g.concurrency, Requests: uint64(v.requests), InFlight: g.inFlight, Queued: g.queued,
		Have: v.facts.have, Ready: v.facts.ready, Known: known,
		Initialised: v.facts.initialised(), Failed: v.facts.givenUp(), Reachable: v.reachable(routed, synced, now),
	}
	if g.reported {
		s.Ready = int32(g.ready)
	}
	v.requests -= float64(s.Requests)
	v.started(max(s.Ready, v.facts.ready), now)
	m.state, d = decide.Next(m.state, s, now)
	v.owner.decisions.Add(1)
	d.Again = v.sooner(d.Again, now, g.expires)
	note := v.facts.note(d.Want, s.Reachable)
	activation := v.starting.note(&v.facts, d.Have > 0 && d.Want == 0)
	annotate := note != v.facts.failed || activation != v.facts.activation
	write = d.Want != d.Have || annotate
	v.remember(d, g.rate, write)
	return Order{Key: v.key, UID: v.facts.uid, Replicas: d.Want, Failed: note, Activation: activation, Annotate: annotate}, d, write
}

// reachable tells whether a route leads to the revision, or one may soon: the
// first one, or the one that a revert brings back. The caller holds mu.
func (v *revision) reachable(routed, synced bool, now time.Time) bool {
	switch {
	case routed:
		v.told, v.grace = true, time.Time{}
		return true
	case !synced:
		return true
	case !v.facts.initialised():
		return false
	case v.grace.IsZero() && v.told:
		v.grace = now.Add(v.owner.cfg.RevertGrace)
	case v.grace.IsZero():
		v.grace = now.Add(v.owner.cfg.RouteGrace)
	}
	return now.Before(v.grace)
}

// sooner is the time until the first of what comes next. The caller holds mu.
func (v *revision) sooner(again time.Duration, now, expires time.Time) time.Duration {
	for _, at := range []time.Time{expires, v.grace, v.starting.look} {
		if wait := at.Sub(now); !at.IsZero() && wait > 0 && (again == 0 || wait < again) {
			again = wait
		}
	}
	return again
}

// remember keeps a decision for those who ask. The caller holds mu.
func (v *revision) remember(d decide.Decision, rate float64, changes bool) {
	v.last, v.rate = d, rate
	if !changes {
		return
	}
	if n := len(v.history); n > 0 && v.history[n-1].Want == d.Want && v.history[n-1].Have == d.Have {
		v.history[n-1] = d // the same again, after a failed write
		return
	}
	if len(v.history) == kept {
		v.history = append(v.history[:0], v.history[1:]...)
	}
	v.history = append(v.history, d)
}

// write tells the cluster. What has failed is not tried again before its time,
// unless it has become something else.
func (v *revision) write(ctx context.Context, m *actor, o Order, d decide.Decision, now time.Time) error {
	if m.why != nil && o == m.failed && now.Before(m.retry) {
		return m.why
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	log := v.owner.cfg.Log
	err := v.owner.cfg.Scaler.Scale(ctx, o)
	v.owner.writes.count(err)
	if err != nil {
		log.Warn("scaling failed", "revision", v.key.String(), "want", o.Replicas, "error", err)
		m.failures++
		m.failed, m.why = o, fmt.Errorf("revision %s: scale to %d: %w", v.key, o.Replicas, err)
		m.retry = now.Add(min(retryLast, retryFirst<<min(m.failures-1, 10)))
		return m.why
	}
	m.failures, m.why = 0, nil
	log.Debug("scaled", "revision", v.key.String(), "want", d.Want, "have", d.Have, "ready", d.Ready,
		"in_flight", d.InFlight, "queued", d.Queued, "stable", d.StableValue, "panic", d.PanicValue, "reason", d.Reason)
	v.written(o)
	return nil
}

// written takes what was written for what is there, before the cluster tells.
func (v *revision) written(o Order) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.there && v.facts.uid == o.UID {
		if v.facts.have != o.Replicas {
			v.wrote = v.facts.generation
		}
		v.facts.have, v.facts.failed, v.facts.activation = o.Replicas, o.Failed, o.Activation
		_ = json.Unmarshal([]byte(o.Activation), &v.facts.activated)
	}
}

// acknowledge answers those who waited for a pod when it was decided.
func (v *revision) acknowledge(m *actor, want int32, err error) {
	if len(m.wakes) == 0 {
		return
	}
	v.mu.Lock()
	there := v.there
	v.mu.Unlock()
	ack := stat.Ack{Namespace: v.key.Namespace, Revision: v.key.Revision, Want: want}
	switch {
	case !there:
		ack.Error = "revision " + v.key.String() + " has no Deployment"
	case err != nil:
		ack.Error = err.Error()
	case want == 0:
		ack.Error = "revision " + v.key.String() + " wants no pod"
	}
	for _, w := range m.wakes {
		if ack.Error == "" {
			v.owner.waking.Observe(time.Since(w.since))
		}
		w.stream.send(ack)
	}
}

// rest says when to decide again, or that the actor may go: then it is none any
// more.
func (v *revision) rest(m *actor, d decide.Decision, err error) (again time.Duration, over bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case len(m.news) > 0 || len(v.wakes) > 0:
		return 0, false
	case err != nil:
		return max(time.Millisecond, m.retry.Sub(d.At)), false
	case len(v.loads) > 0 && !v.there:
		return lost, false
	case d.Again == 0 && d.Want != d.Have: // it was written: is anything left?
		return time.Millisecond, false
	case d.Again > 0 && v.there, len(v.loads) > 0:
		return d.Again, false
	}
	v.owner.agenda.drop(v)
	v.actor = nil
	return 0, true
}
