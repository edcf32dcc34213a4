package node

import (
	"fmt"
	"os"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/crilog"
)

// logOf is the file of a container's current run, or of the one before. Live is
// nil unless the run still writes.
func (c *container) logOf(previous bool) (path string, live *crilog.Log, err error) {
	s := c.state()
	c.mu.Lock()
	running := c.proc != nil
	live = c.out
	c.mu.Unlock()
	attempt := s.RestartCount
	if previous {
		if attempt == 0 {
			return "", nil, fmt.Errorf("previous terminated container %q in pod %q not found", c.name, c.pod.current().Name)
		}
		attempt, live = attempt-1, nil
	}
	path = c.logPath(attempt)
	if _, err := os.Stat(path); err == nil {
		return path, live, nil
	}
	if w := s.State.Waiting; w != nil && !running && !previous {
		return "", nil, fmt.Errorf("container %q in pod %q is waiting to start: %s", c.name, c.pod.current().Name, firstOf(w.Reason, "unknown"))
	}
	return "", nil, fmt.Errorf("container %q in pod %q has no log", c.name, c.pod.current().Name)
}
