package bus

import (
	"context"
	"fmt"
	"time"
)

// run makes one attempt at a task.
func (d *dispatch) run(t *task) {
	if d.isLost(t) {
		d.giveBack(t)
		return
	}
	if t.dead != nil {
		d.bury(t)
		return
	}
	if !d.pace() {
		d.giveBack(t)
		return
	}
	t.attempt++
	v := d.call(t)
	switch {
	case v.Action == ActionAck:
		d.sub.stats.acked.Add(1)
		d.finish(t)
	case v.Action == ActionKeep, v.Action == ActionRetry && d.ctx.Err() != nil: // its time was up
		t.attempt--
		d.sleep(t, d.sub.policy.Retry.Wait(t.attempt+1, v.After))
	case v.Action == ActionDead, d.sub.policy.Retry.Attempts > 0 && t.attempt >= d.sub.policy.Retry.Attempts:
		t.dead = &death{v.Err}
		d.bury(t)
	default:
		d.sub.stats.retries.Add(1)
		d.sleep(t, d.sub.policy.Retry.Wait(t.attempt, v.After))
	}
}

// call calls the handler; one that panics is to be tried again.
func (d *dispatch) call(t *task) (v Verdict) {
	d.sub.stats.attempts.Add(1)
	d.sub.stats.running.Add(1)
	defer d.sub.stats.running.Add(-1)
	defer func() {
		if r := recover(); r != nil {
			d.sub.log.Error("handler panicked", "position", t.message.Position, "panic", r)
			v = Retry(fmt.Errorf("panic: %v", r))
		}
	}()
	t.message.Attempt = t.attempt
	return d.handler(d.ctx, t.message)
}

// pace waits for the rate limit; false is the end.
func (d *dispatch) pace() bool {
	return d.sub.limit == nil || d.sub.limit.Wait(d.begins) == nil
}

func (d *dispatch) isLost(t *task) bool {
	select {
	case <-t.message.Lost: // nil: never
		return true
	default:
		return false
	}
}

// sleep lets a task come again later. It keeps its lane, not its worker.
func (d *dispatch) sleep(t *task, wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closing {
		d.lose(t)
		return
	}
	d.sleeping[t] = time.AfterFunc(wait, func() { d.wake(t) })
}

func (d *dispatch) wake(t *task) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, asleep := d.sleeping[t]; asleep {
		delete(d.sleeping, t)
		d.offer(t)
	}
}

func (d *dispatch) finish(t *task) {
	d.settle(t.message, true)
	d.leave(t)
}

// giveBack lets the bus deliver the message again, to whoever it is now for.
func (d *dispatch) giveBack(t *task) {
	d.mu.Lock()
	d.lose(t)
	d.mu.Unlock()
	d.settle(t.message, false)
	d.leave(t)
}

func (d *dispatch) settle(m *Message, done bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), settleTimeout)
	defer cancel()
	if err := d.stream.Settle(ctx, m, done); err != nil {
		d.sub.log.Debug("not settled, comes again", "position", m.Position, "error", err)
	}
}

// lose notes a task that this session will not finish. Under mu.
func (d *dispatch) lose(t *task) {
	if t.attempt > 0 {
		d.lost[t.message.Position] = t.attempt
	}
}

// drain ends the session: nothing new is begun, running handlers get their time.
// It returns the attempts of what was not done.
func (d *dispatch) drain() map[string]int {
	d.stop()
	late := time.AfterFunc(d.sub.policy.Drain, d.cancel)
	d.work.Wait()
	late.Stop()
	d.cancel()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sub.stats.held.Add(-int64(d.held))
	return d.lost
}

func (d *dispatch) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closing = true
	d.cease()
	for t, timer := range d.sleeping {
		timer.Stop()
		d.lose(t)
	}
	clear(d.sleeping)
	for _, t := range d.ready {
		d.lose(t)
	}
}
