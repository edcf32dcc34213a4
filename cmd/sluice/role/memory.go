package role

import (
	"context"
	"time"

	"github.com/sluice-dev/sluice/runtime/thrift"
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
func TuneMemory() { thrift.Set(gcPercent) }

// keepThrift keeps an activator small while it rests. Work is more than a
// thousand requests a second; reading what changes in the cluster is none: of a
// heap that grew large for that, little could be given back.
func keepThrift(ctx context.Context) error {
	return thrift.Keep(ctx, thrift.Config{
		Rest: restPercent, Work: func(uint64) int { return workPercent }, From: 2 << 20, Quiet: 10 * time.Second,
	})
}

// freeOnce gives back what reading the cluster took, as soon as all that is there
// has been read.
func freeOnce(ctx context.Context, read interface{ HasSynced() bool }) error {
	if synced(ctx, read) == nil {
		thrift.Free()
	}
	return nil
}
