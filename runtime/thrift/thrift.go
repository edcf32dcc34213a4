package thrift

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Config says what is work, and how much garbage is let be. All but Pause is
// required.
type Config struct {
	// Rest is the collector's percentage at rest.
	Rest int
	// Work is the same at work, where so many bytes were in use at the last
	// collection.
	Work func(live uint64) int
	// From is how many bytes from one look to the next are work.
	From uint64
	// Quiet is how long there must be none until it is rest.
	Quiet time.Duration
	// Pause is how many bytes of garbage are collected in a look without work, so
	// that it need not be done when there is some again. Default 0: none are.
	Pause uint64
}

// looks is how often it is looked at what is allocated.
const looks = 200 * time.Millisecond

// own tells whether the user has set the collector, which is then left alone.
func own() bool { return os.Getenv("GOGC") != "" }

// Set sets the collector's percentage, unless the user has.
func Set(percent int) {
	if !own() {
		debug.SetGCPercent(percent)
	}
}

// Free collects, and gives the system what is not in use, unless the user has
// set the collector.
func Free() {
	if !own() {
		debug.FreeOSMemory()
	}
}

// Keep keeps to c until ctx is done, unless the user has set the collector.
func Keep(ctx context.Context, c Config) error {
	if own() {
		return nil
	}
	k := &keeper{Config: c, percent: Set, free: Free, collect: runtime.GC}
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	read := func() heap {
		metrics.Read(samples)
		return heap{allocated: samples[0].Value.Uint64(), live: samples[1].Value.Uint64(), objects: samples[2].Value.Uint64()}
	}
	k.begin(read())
	tick := time.NewTicker(looks)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			k.look(read())
		}
	}
}

// heap is what the runtime counts, in bytes: ever allocated; in use at the last
// collection; and in use or garbage now.
type heap struct{ allocated, live, objects uint64 }

// keeper decides.
type keeper struct {
	Config
	percent func(int) // sets the collector's
	free    func()    // collects, and gives the system what is not in use
	collect func()

	before  uint64 // what was allocated by the last look
	quiet   time.Duration
	working bool
}

// begin has the start of the process, which reads all there is, count as rest:
// what stays for ever is then not scattered over the heap that was needed to
// read it, of which no page could be given back.
func (k *keeper) begin(h heap) {
	k.before = h.allocated
	k.percent(k.Rest)
}

// look is told what the heap is, each time that looks have passed.
func (k *keeper) look(h heap) {
	grown := h.allocated - k.before
	k.before = h.allocated
	if grown >= k.From {
		k.quiet = 0
		if !k.working {
			k.working = true
			k.percent(k.Work(h.live))
		}
		return
	}
	k.quiet += looks
	switch {
	case !k.working:
	case k.quiet >= k.Quiet:
		k.working = false
		k.percent(k.Rest)
		k.free()
	case k.Pause > 0 && h.objects > h.live+k.Pause:
		k.collect()
	}
}
