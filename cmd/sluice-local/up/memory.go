package up

import (
	"os"
	"runtime/debug"
)

// gcPercent is the garbage collector's setting: four components share one heap,
// most of it caches that live for ever, so it pays to collect more often than
// usual. There is no limit in bytes: with thousands of objects the API server
// needs what it needs, and a limit below that would only burn the processor.
const gcPercent = 60

// tuneMemory applies the setting unless the user has an own one.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
