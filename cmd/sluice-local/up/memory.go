package up

import (
	"os"
	"runtime/debug"
)

// The garbage collector's settings: four components share one heap, most of it
// caches that live for ever, so it pays to collect more often than usual.
const (
	gcPercent   = 60
	memoryLimit = 600 << 20
)

// tuneMemory applies the settings unless the user has own ones.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
