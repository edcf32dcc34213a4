package activator

import (
	"context"
	"time"
)

// eager is how long a pod is probed at the shortest interval.
const eager = 5 * time.Second

// probe makes p's checks until they all succeed or ctx ends. A check that
// fails costs one connection attempt; a pod that stays away is asked less often.
func (v *revision) probe(ctx context.Context, p *pod, checks []check) {
	cfg := &v.owner.cfg
	timer := time.NewTimer(0)
	defer timer.Stop()
	pause, begun := cfg.ProbeInterval, time.Now()
	for passed := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if passed = countPass(ctx, checks, passed); passed >= needed(checks) {
			v.passed(ctx, p)
			return
		}
		if time.Since(begun) > eager {
			pause = min(pause*5/4+1, cfg.ProbeCeiling)
		}
		timer.Reset(pause)
	}
}

// countPass is one more than passed if all checks succeed, else 0.
func countPass(ctx context.Context, checks []check, passed int) int {
	for i := range checks {
		if checks[i].try(ctx) != nil {
			return 0
		}
	}
	return passed + 1
}

// needed is how many times in a row the checks have to succeed.
func needed(checks []check) int {
	n := 1
	for i := range checks {
		n = max(n, checks[i].successes)
	}
	return n
}

// passed makes p usable, unless it was decided meanwhile that it is not.
func (v *revision) passed(ctx context.Context, p *pod) {
	v.lock()
	defer v.unlock()
	if ctx.Err() != nil {
		return
	}
	p.stop = nil
	p.probed, p.doubted = true, false
	v.refresh(p)
}
