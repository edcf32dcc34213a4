package role

import (
	"os"
	"runtime/debug"
)

// gcPercent is how much the engine's heap may grow between two collections,
// in percent of what is in use. Most of that is caches that live for ever, and
// an idle engine makes no garbage: with the usual 100 a thousand services cost
// half as much memory again, and no less time.
const gcPercent = 30

// TuneMemory has the garbage collector keep the engine small, unless the
// environment says otherwise.
func TuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
