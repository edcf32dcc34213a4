package up

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
)

// gcPercent is the garbage collector's setting: four components share one heap,
// most of it caches that live for ever, so it pays to collect more often than
// usual. There is no limit in bytes: with thousands of objects the API server
// needs what it needs, and a limit below that would only burn the processor.
const gcPercent = 60

const (
	// room is how much garbage is let be, in bytes, while pods start and end.
	// With less a quarter of the processor goes into collecting just then, and
	// requests to the API, of which a start takes twenty, wait for it.
	room = 256 << 20
	// looks is how often it is looked at what is allocated.
	looks = 200 * time.Millisecond
	// workFrom is how many bytes from one look to the next are work: about a pod
	// a second.
	workFrom = 4 << 20
	// restAfter is how many quiet looks in a row are rest: five seconds.
	restAfter = 25
)

// tuneMemory applies the setting unless the user has an own one.
func tuneMemory() {
	if ownSetting() {
		return
	}
	debug.SetGCPercent(gcPercent)
}

func ownSetting() bool { return os.Getenv("GOGC") != "" }

// heap gives the collector room while there is work, and takes it back.
type heap struct {
	percent func(int)
	free    func()

	before  uint64
	quiet   int
	working bool
}

// giveRoom begins when everything is up: what starting takes is never in use
// again, and would only be memory.
func (s *session) giveRoom(ctx context.Context) {
	if ownSetting() {
		return
	}
	h := &heap{percent: func(p int) { debug.SetGCPercent(p) }, free: debug.FreeOSMemory}
	s.stack.Push(ctx, stack.Component{Name: "memory", Run: h.run})
}

func (h *heap) run(ctx context.Context) error {
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}}
	read := func() (allocated, live uint64) {
		metrics.Read(samples)
		return samples[0].Value.Uint64(), samples[1].Value.Uint64()
	}
	h.before, _ = read()
	tick := time.NewTicker(looks)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			h.look(read())
		}
	}
}

// look is told how many bytes were ever allocated, and how many were in use at
// the last collection, every time that looks says.
func (h *heap) look(allocated, live uint64) {
	grown := allocated - h.before
	h.before = allocated
	if grown >= workFrom {
		h.quiet = 0
		if !h.working {
			h.working = true
			h.percent(max(gcPercent, int(room*100/max(live, room/4))))
		}
		return
	}
	if h.quiet++; h.working && h.quiet >= restAfter {
		h.working = false
		h.percent(gcPercent)
		h.free()
	}
}
