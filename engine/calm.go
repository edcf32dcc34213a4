package engine

import (
	"context"
	"time"
)

const (
	// calmAfter is how many passes in a row may find nothing to do before the
	// engine takes its time: a rollout's own changes come in fewer.
	calmAfter = 5
	// calmShare is how much longer than the last pass the changes of the cluster
	// are gathered then: the engine takes a quarter of a processor at most for
	// what is not its business, such as the pods of services that wake.
	calmShare = 3
	// calmMost bounds that.
	calmMost = 250 * time.Millisecond
)

// calm is how many passes in a row had nothing to do, and until when what the
// cluster tells may be gathered.
type calm struct {
	passes int
	until  time.Time
}

// passed notes a pass.
func (c *calm) passed(began, ended time.Time, wrote bool) {
	c.until = time.Time{}
	if c.passes++; wrote {
		c.passes = 0
	}
	if c.passes >= calmAfter {
		c.until = ended.Add(min(calmMost, calmShare*ended.Sub(began)))
	}
}

// gather waits for what else the cluster tells. It is true, at once, when the
// repository has moved.
func (e *Engine) gather(ctx context.Context) (look bool) {
	timer := time.NewTimer(max(e.cfg.Settle, e.calm.until.Sub(e.cfg.Now())))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-e.moved():
		return true
	}
	return false
}
