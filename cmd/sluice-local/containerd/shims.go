package containerd

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// shimProgram is the process that stands between containerd and a container; it
// outlives containerd by design.
const shimProgram = "containerd-shim-runc-v2"

// shimsEnd bounds how long killed processes may take to go.
const shimsEnd = 5 * time.Second

// EndShims kills the shims of a containerd that has ended, and what they were
// about to start. There are some where it was stopped in the midst of making a
// pod: nobody lists that one yet.
func EndShims(dir string) error {
	deadline := time.Now().Add(shimsEnd)
	for {
		left, err := shims("/proc", Config{Dir: dir}.socket())
		if err != nil || len(left) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes of containers do not end: %v", left)
		}
		if err := kill(left); err != nil {
			return err
		}
	}
}

// kill ends processes and waits until each is gone.
func kill(pids []int) error {
	var errs []error
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("process %d: %w", pid, err))
			continue
		}
		if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			errs = append(errs, fmt.Errorf("process %d: %w", pid, err))
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(time.Second/time.Millisecond)) // readable once it has ended
		_ = unix.Close(fd)
	}
	return errors.Join(errs...)
}

// shims are the shims of the containerd at a socket and all their descendants,
// children first.
func shims(proc, socket string) ([]int, error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, fmt.Errorf("processes: %w", err)
	}
	var found []int
	children := map[int][]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if parent, ok := parentOf(filepath.Join(proc, e.Name(), "stat")); ok {
			children[parent] = append(children[parent], pid)
		}
		if isShim(filepath.Join(proc, e.Name(), "cmdline"), socket) {
			found = append(found, pid)
		}
	}
	for i := 0; i < len(found); i++ { // grows as it goes
		for _, child := range children[found[i]] {
			if !slices.Contains(found, child) {
				found = append(found, child)
			}
		}
	}
	slices.Reverse(found)
	return found, nil
}

// isShim reports whether a command line is that of a shim of ours.
func isShim(path, socket string) bool {
	line, err := os.ReadFile(path)
	if err != nil { // it has ended
		return false
	}
	args := bytes.Split(line, []byte{0})
	at := slices.IndexFunc(args, func(a []byte) bool { return string(a) == "-address" })
	return filepath.Base(string(args[0])) == shimProgram && at > 0 && at+1 < len(args) && string(args[at+1]) == socket
}

// parentOf reads the parent from a process's stat: the second field behind the
// name, which is in brackets and may hold anything. A process that has ended
// and is not waited for has none.
func parentOf(path string) (int, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 2 || string(fields[0]) == "Z" {
		return 0, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	return parent, err == nil
}
