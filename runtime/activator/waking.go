package activator

import (
	"context"
	"time"
)

const (
	wakeAgain = time.Second           // after a success that brought no pod
	wakeRetry = 50 * time.Millisecond // after the first failure; doubled each time
)

// askForPod starts asking the Waker if somebody waits and there is no pod. The
// caller holds mu.
func (v *revision) askForPod() {
	if v.owner.cfg.Waker == nil || v.waking || v.line.length == 0 || v.live() > 0 {
		return
	}
	v.waking = true
	v.owner.spawn(v.wake)
}

// wake asks until there is a pod, or nobody waits any more.
func (v *revision) wake(ctx context.Context) {
	for pause := wakeRetry; ; pause = min(2*pause, wakeAgain) {
		if !v.stillWanted(ctx) {
			return
		}
		err := v.owner.cfg.Waker.Wake(ctx, v.key)
		v.lock()
		v.wakeErr = err
		if err == nil {
			v.cold.reach(coldWoken)
		}
		v.unlock()
		if err == nil {
			pause = wakeAgain
		} else if ctx.Err() == nil {
			v.owner.cfg.Log.Warn("waking failed", "revision", v.key.String(), "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// stillWanted ends the asking, under the lock that starts it, when it is over.
func (v *revision) stillWanted(ctx context.Context) bool {
	v.lock()
	defer v.unlock()
	if ctx.Err() != nil || v.line.length == 0 || v.live() > 0 {
		v.waking = false
		return false
	}
	return true
}
