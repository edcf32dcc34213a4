package up

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
	"github.com/sluice-dev/sluice/runtime/thrift"
)

// gcPercent is the garbage collector's setting: four components share one heap,
// most of it caches that live for ever, so it pays to collect more often than
// usual. There is no limit in bytes: with thousands of objects the API server
// needs what it needs, and a limit below that would only burn the processor.
const gcPercent = 60

// How much garbage is let be, in bytes, while pods start and end. With less a
// quarter of the processor goes into collecting just then, and requests to the
// API, of which a start takes twenty, wait for it: of a pod's start and end 19 MB
// are left. It is a share of what the machine has to spare, within bounds.
const (
	roomShare = 1.0 / 16
	roomLeast = 256 << 20
	roomMost  = 1 << 30
)

// workFrom is how many bytes from one look to the next are work: about a pod a
// second.
const workFrom = 4 << 20

// restAfter is how long there must be none until the room is taken back.
const restAfter = 5 * time.Second

// giveRoom begins when everything is up: what starting takes is never in use
// again, and would only be memory. Half the room is collected in a pause between
// two starts, so that it is there again for the next.
func (s *session) giveRoom(ctx context.Context) {
	room := roomOf(spare())
	s.stack.Push(ctx, stack.Component{Name: "memory", Run: func(ctx context.Context) error {
		err := thrift.Keep(ctx, thrift.Config{
			Rest: gcPercent, Work: func(live uint64) int { return percentOf(room, live) },
			From: workFrom, Quiet: restAfter, Pause: room / 2,
		})
		<-ctx.Done() // a component that ends is a cluster that ends
		return err
	}})
}

// percentOf is the collector's percentage that lets so many bytes be, where so
// many are in use.
func percentOf(room, live uint64) int {
	return max(gcPercent, int(room*100/max(live, room/4)))
}

// roomOf is how much garbage is let be where so many bytes are to spare.
func roomOf(spare uint64) uint64 {
	return min(max(uint64(float64(spare)*roomShare), roomLeast), roomMost)
}

// spare is how much memory the machine has to spare, in bytes; 0 where it does
// not say.
func spare() uint64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, is := strings.CutPrefix(lines.Text(), "MemAvailable:"); is {
			var kib uint64
			_, _ = fmt.Sscan(text, &kib) // unreadable: it does not say
			return kib << 10
		}
	}
	return 0
}
