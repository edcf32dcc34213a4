package bus

import (
	"runtime"
	"strconv"
	"testing"
	"time"
)

// TestSeen_ForgetsWithoutTouchingWhatItKeeps: a window full of messages costs each
// new one no more than an empty one does, whatever it drops for it.
func TestSeen_ForgetsWithoutTouchingWhatItKeeps(t *testing.T) {
	const kept = 1 << 17
	s := newSeen(kept * time.Second)
	begin, n := time.Unix(0, 0), 0
	next := func() {
		m := &Message{ID: strconv.Itoa(n), Position: strconv.Itoa(n), Published: begin.Add(time.Duration(n) * time.Second)}
		if s.remember(m, m.Published) {
			t.Fatalf("message %d is no duplicate", n)
		}
		n++
	}
	for range kept + 1 {
		next()
	}
	const more = 2000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range more {
		next()
	}
	runtime.ReadMemStats(&after)
	if bytes := (after.TotalAlloc - before.TotalAlloc) / more; bytes > 16<<10 {
		t.Errorf("%d bytes for each message", bytes)
	}
	if len(s.first) > kept+2 || len(s.order) != len(s.first) {
		t.Errorf("%d remembered, %d in order", len(s.first), len(s.order))
	}
	if m := (&Message{ID: strconv.Itoa(n - 1), Position: "other", Published: begin.Add(time.Duration(n) * time.Second)}); !s.remember(m, m.Published) {
		t.Error("a copy was not seen")
	}
}
