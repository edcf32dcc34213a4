package autoscaler

import (
	"context"
	"encoding/json"
	"time"

	"github.com/sluice-dev/sluice/runtime/stat"
	"github.com/sluice-dev/sluice/schema/contract"
)

const (
	inspectFirst = time.Second // until pods that do not become ready are asked why; doubled each time
	inspectLast  = 30 * time.Second

	// restless is how often a failure whose words change is written anew: they
	// may count restarts.
	restless = 10 * time.Second
)

// starting is how a revision gets its first pod.
type starting struct {
	since time.Time // when it began; zero: it has a pod that is ready, or is to have none
	look  time.Time // when its pods are asked what is wrong; zero with since
	pause time.Duration
	slow  string              // what it was waiting for when it was looked at last
	last  contract.Activation // how it went; zero: not seen
}

// started follows the start of a revision's first pod. The caller holds mu.
func (v *revision) started(ready int32, now time.Time) {
	s := &v.starting
	began := s.since
	switch {
	case ready > 0 && (!began.IsZero() || s.last.Result == "" && v.facts.activated.Result != contract.ActivationSucceeded):
		s.last = contract.Activation{Result: contract.ActivationSucceeded, At: stamp(now)}
		s.since, s.look = time.Time{}, time.Time{}
	case ready > 0, v.facts.have == 0 && began.IsZero():
	case v.facts.have == 0:
		if s.last.At.Before(began) {
			s.last = contract.Activation{Result: contract.ActivationFailed, Error: s.inVain(now), At: stamp(now)}
		}
		s.since, s.look = time.Time{}, time.Time{}
	case began.IsZero():
		s.since, s.look, s.pause, s.slow = now, now.Add(inspectFirst), inspectFirst, ""
	}
}

// inVain says what was waited for.
func (s *starting) inVain(now time.Time) string {
	text := "no pod became ready in " + now.Sub(s.since).Round(time.Second).String()
	if s.slow != "" {
		text += ": " + s.slow
	}
	return text
}

// note is what AnnotationActivation is to say. A failure, and that it is over,
// is written at once; a success waits for the write that takes the pods away.
func (s *starting) note(f *facts, ends bool) string {
	if s.last.Result == "" {
		return f.activation
	}
	before := f.activated
	failed, hadFailed := s.last.Result == contract.ActivationFailed, before.Result == contract.ActivationFailed
	switch {
	case failed && (!hadFailed || before.Error != s.last.Error && s.last.At.Sub(before.At) >= restless):
	case !failed && hadFailed:
	case !failed && ends && s.last.At.After(before.At):
	default:
		return f.activation
	}
	b, _ := json.Marshal(s.last) // strings and a time are always JSON
	return string(b)
}

// inspect asks, if it is time, why a revision's pods do not become ready, and
// tells the activators. It is true if it has found something new.
func (v *revision) inspect(ctx context.Context, now time.Time) bool {
	v.mu.Lock()
	s := &v.starting
	if s.look.IsZero() || now.Before(s.look) {
		v.mu.Unlock()
		return false
	}
	s.pause = min(2*s.pause, inspectLast)
	s.look = now.Add(s.pause)
	why, since := v.facts.blocked, s.since
	wrong := why != ""
	v.mu.Unlock()
	if ask := v.owner.cfg.Trouble; !wrong && ask != nil {
		ctx, cancel := context.WithTimeout(ctx, writeTimeout)
		defer cancel()
		var err error
		if why, wrong, err = ask(ctx, v.key); err != nil && ctx.Err() == nil {
			v.owner.cfg.Log.Warn("pods cannot be asked why they are not ready", "revision", v.key.String(), "error", err)
		}
	}
	if why == "" {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.starting.since != since {
		return false // it is over
	}
	if v.starting.slow = why; !wrong {
		return false
	}
	fresh := v.starting.last.Error != why || v.starting.last.At.Before(since)
	v.starting.last = contract.Activation{Result: contract.ActivationFailed, Error: why, At: stamp(now)}
	for _, l := range v.loads {
		l.stream.send(stat.Ack{Namespace: v.key.Namespace, Revision: v.key.Revision, Want: v.facts.have, Trouble: why})
	}
	return fresh
}

// lastActivation is how it went last: as seen, or as the Deployment says.
func (a *Autoscaler) lastActivation(k Key) contract.Activation {
	v := a.find(k)
	if v == nil {
		return contract.Activation{}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.starting.last.Result != "" {
		return v.starting.last
	}
	return v.facts.activated
}

// stamp is a moment as it is written: to the second, as Kubernetes' own.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
