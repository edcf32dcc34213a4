package demand

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/runtime/activator"
	"github.com/sluice-dev/sluice/runtime/stat"
)

// Wake asks the autoscaler for a pod, and does it itself where that does not
// answer in time.
func (t *Teller) Wake(ctx context.Context, revision activator.Key) error {
	answer := t.expect(revision)
	defer t.forget(revision, answer)
	t.send(t.wake(revision))
	timer := time.NewTimer(t.cfg.Patience)
	defer timer.Stop()
	select {
	case ack := <-answer:
		if ack.Error != "" {
			return errors.New(ack.Error)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
	}
	t.cfg.Log.Warn("the autoscaler does not answer; asking for a pod directly", "revision", revision.String())
	return t.cfg.Starter.Start(ctx, revision.Namespace, revision.Revision)
}

// wake is the frame that asks for a pod.
func (t *Teller) wake(revision activator.Key) stat.Frame {
	return stat.Frame{Activator: t.cfg.ID, Namespace: revision.Namespace, Revision: revision.Revision, Queued: 1, Concurrency: 1, Wake: true}
}

// expect registers somebody who waits for an answer.
func (t *Teller) expect(revision activator.Key) chan stat.Ack {
	answer := make(chan stat.Ack, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waits[revision] = append(t.waits[revision], answer)
	return answer
}

func (t *Teller) forget(revision activator.Key, answer chan stat.Ack) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := slices.DeleteFunc(t.waits[revision], func(c chan stat.Ack) bool { return c == answer })
	if len(rest) == 0 {
		delete(t.waits, revision)
		return
	}
	t.waits[revision] = rest
}

// answered hands an answer to everybody who waits for it.
func (t *Teller) answered(ack stat.Ack) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.waits[activator.Key{Namespace: ack.Namespace, Revision: ack.Revision}] {
		select {
		case c <- ack:
		default: // it has one
		}
	}
}
