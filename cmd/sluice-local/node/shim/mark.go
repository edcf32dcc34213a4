package shim

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// markKey is the variable that says to which node a process belongs.
const markKey = "SLUICE_NODE_DIR"

// Mark is the environment variable that every process of a node carries, which
// keeps its state in dir. Processes in namespaces end with their shim and need
// no mark; of the others, one that forked away is found by it.
func Mark(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return markKey + "=" + dir
}

// KillMarked kills every process that carries the mark, until there is none.
func KillMarked(mark string) {
	for killOnce([]byte(mark)) {
		time.Sleep(time.Millisecond) // until the dying are dead
	}
}

func killOnce(mark []byte) bool {
	found := false
	for pid := range parentsOf() {
		if pid != os.Getpid() && marked(pid, mark) {
			found = syscall.Kill(pid, syscall.SIGKILL) == nil || found
		}
	}
	return found
}

func marked(pid int, mark []byte) bool {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	for e := range bytes.SplitSeq(env, []byte{0}) {
		if bytes.Equal(e, mark) {
			return true
		}
	}
	return false
}
