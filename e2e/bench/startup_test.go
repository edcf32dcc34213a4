package bench

import (
	"testing"
	"time"
)

// startUp measures `sluice-local up` with the platform: on an empty folder,
// and on the same one again.
func startUp(t *testing.T, all *table) {
	t.Run("up", func(t *testing.T) {
		all.head("sluice-local up, the platform and the demo")
		dir := t.TempDir()
		for _, what := range []string{"first start to ready", "second start to ready"} {
			c := up(t, dir)
			time.Sleep(5 * time.Second) // what it does after it is ready counts too
			memory := peak(t, c.process.Process.Pid)
			c.stop(t)
			all.add(what, seconds(c.took), target("15 s", c.took <= 15*time.Second), "")
			all.add("  peak memory", mib(memory), target("600 MiB", memory <= 600<<20), "without the pods")
		}
	})
}
