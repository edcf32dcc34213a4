package bus

import (
	"context"
	"maps"
	"strconv"
	"time"
)

// Death is why a message was given up.
type Death struct {
	Topic, Subscription string
	Attempts            int
	// Err is of the last attempt; nil where the handler gave none.
	Err  error
	Time time.Time
}

// DeadHandler puts a dead message somewhere; nil settles it.
type DeadHandler func(ctx context.Context, m *Message, why Death) error

// DeadMessage is m as it is put on a dead letter topic.
func DeadMessage(m *Message, why Death) *Message {
	reason := ""
	if why.Err != nil {
		reason = why.Err.Error()
	}
	return m.with(map[string]string{
		HeaderDeadTopic:        why.Topic,
		HeaderDeadSubscription: why.Subscription,
		HeaderDeadReason:       reason,
		HeaderDeadAttempts:     strconv.Itoa(why.Attempts),
		HeaderDeadTime:         why.Time.UTC().Format(time.RFC3339Nano),
		HeaderDeadPosition:     m.Position,
	})
}

// Redriven is a dead message as it is published once more, for the subscription
// alone that gave it up.
func Redriven(dead *Message) *Message {
	m := dead.with(nil)
	m.Headers[HeaderFor] = dead.Header(HeaderDeadSubscription)
	maps.DeleteFunc(m.Headers, func(name, _ string) bool {
		switch name {
		case HeaderDeadTopic, HeaderDeadSubscription, HeaderDeadReason, HeaderDeadAttempts, HeaderDeadTime, HeaderDeadPosition:
			return true
		}
		return false
	})
	return m
}

// bury puts a dead message where it belongs and settles it; where that fails it
// is tried again, like the handler.
func (d *dispatch) bury(t *task) {
	why := Death{Topic: d.sub.cfg.Topic, Subscription: d.sub.cfg.Name, Attempts: t.attempt, Err: t.dead.err, Time: time.Now()}
	if err := d.sub.putAway(d.ctx, t.message, why); err != nil {
		d.sub.log.Warn("dead message could not be put away, is tried again", "position", t.message.Position, "error", err)
		d.sleep(t, d.sub.policy.Retry.Wait(max(1, t.attempt), time.Second))
		return
	}
	d.sub.stats.dead.Add(1)
	d.finish(t)
}

func (s *Subscription) putAway(ctx context.Context, m *Message, why Death) error {
	switch {
	case s.policy.OnDead != nil:
		return s.policy.OnDead(ctx, m, why)
	case s.policy.DeadLetter != "":
		return s.cfg.Driver.Publish(ctx, s.policy.DeadLetter, []*Message{DeadMessage(m, why)})
	}
	s.stats.dropped.Add(1)
	s.log.Warn("message dropped: it is dead and there is no dead letter topic", "position", m.Position, "attempts", why.Attempts, "error", why.Err)
	return nil
}
