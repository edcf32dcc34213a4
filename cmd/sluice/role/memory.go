package role

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How much the heap may grow between two collections, in percent of what is in
// use. Most of that is caches that live for ever.
const (
	// gcPercent is the engine's: an idle engine makes no garbage, and with the
	// usual 100 a thousand services cost half as much memory again, and no less
	// time.
	gcPercent = 30
	// restPercent is for an activator that has little to do, and for an autoscaler,
	// which always has.
	restPercent = 20
	// workPercent is for one that has much: a request's garbage is small and dies with
	// it, and the more of it is collected at once the less that costs.
	workPercent = 200
)

// TuneMemory has the garbage collector keep the engine small, unless the
// environment says otherwise.
func TuneMemory() { tuneMemory(gcPercent) }

func tuneMemory(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

const (
	// looks is how often a thrift looks at what is allocated.
	looks = 200 * time.Millisecond
	// workFrom is how many bytes from one look to the next are work: more than a
	// thousand requests a second. Reading what changes in the cluster is none: of
	// a heap that grew large for that, little could be given back.
	workFrom = 2 << 20
	// restAfter is how many quiet looks in a row are rest: ten seconds.
	restAfter = 50
)

// freeOnce gives back what reading the cluster took, as soon as all that is there
// has been read, unless the environment says otherwise.
func freeOnce(ctx context.Context, read interface{ HasSynced() bool }) error {
	if os.Getenv("GOGC") == "" && synced(ctx, read) == nil {
		debug.FreeOSMemory()
	}
	return nil
}

// thrift keeps a process small while it rests, and lets it use memory while it
// works.
type thrift struct {
	percent func(int) // sets the collector's
	free    func()    // collects, and gives the system what is not in use

	before  uint64
	quiet   int
	working bool
}

// keepThrift does so until ctx is done, unless the environment says otherwise.
func keepThrift(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	t := &thrift{percent: func(p int) { debug.SetGCPercent(p) }, free: debug.FreeOSMemory}
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	t.begin(sample[0].Value.Uint64())
	tick := time.NewTicker(looks)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		metrics.Read(sample)
		t.look(sample[0].Value.Uint64())
	}
}

// begin has the start of the process, which reads all there is, count as rest:
// what stays for ever is then not scattered over the heap that was needed to
// read it, of which no page could be given back.
func (t *thrift) begin(allocated uint64) {
	t.before = allocated
	t.percent(restPercent)
}

// look is told how many bytes were ever allocated, every time that looks says.
func (t *thrift) look(allocated uint64) {
	grown := allocated - t.before
	t.before = allocated
	if grown >= workFrom {
		t.quiet = 0
		if !t.working {
			t.working = true
			t.percent(workPercent)
		}
		return
	}
	if t.quiet++; t.working && t.quiet == restAfter {
		t.working = false
		t.percent(restPercent)
		t.free()
	}
}
