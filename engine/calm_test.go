package engine

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestCalm_OnlyAfterPassesThatHadNothingToDo(t *testing.T) {
	var c calm
	now := time.Unix(0, 0)
	pass := func(took time.Duration, wrote bool) time.Duration {
		began := now
		now = now.Add(took)
		c.passed(began, now, wrote)
		if c.until.IsZero() {
			return 0
		}
		return c.until.Sub(now)
	}
	for range calmAfter - 1 {
		if wait := pass(10*time.Millisecond, false); wait != 0 {
			t.Fatalf("waits %v, too soon", wait)
		}
	}
	if wait := pass(10*time.Millisecond, false); wait != 30*time.Millisecond {
		t.Errorf("waits %v after a pass of 10ms, want 30ms", wait)
	}
	if wait := pass(time.Second, false); wait != calmMost {
		t.Errorf("waits %v after a long pass, want %v", wait, calmMost)
	}
	if wait := pass(10*time.Millisecond, true); wait != 0 {
		t.Errorf("waits %v after a pass that wrote", wait)
	}
	if wait := pass(10*time.Millisecond, false); wait != 0 {
		t.Errorf("waits %v after the one that followed", wait)
	}
}

// pushed is a watcher whose repository moves when the test says so.
type pushed struct {
	Watcher
	changes chan struct{}
}

func (m pushed) Changes() <-chan struct{} { return m.changes }

func TestEngine_APushIsNotKeptWaitingByCalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := pushed{changes: make(chan struct{}, 1)}
		e := &Engine{cfg: Config{Settle: time.Millisecond, Watcher: m, Now: time.Now}}
		e.calm.until = time.Now().Add(calmMost)
		began := time.Now()
		if e.gather(t.Context()) || time.Since(began) != calmMost {
			t.Errorf("gathered for %v, want %v", time.Since(began), calmMost)
		}
		e.calm.until = time.Now().Add(calmMost)
		m.changes <- struct{}{}
		began = time.Now()
		if !e.gather(t.Context()) || time.Since(began) != 0 {
			t.Errorf("a push waited for %v", time.Since(began))
		}
	})
}
