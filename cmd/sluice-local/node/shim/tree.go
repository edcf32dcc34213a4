package shim

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

const prSetChildSubreaper = 36

// becomeSubreaper makes orphans of our descendants our children, so that a
// process which forks twice cannot get away.
func becomeSubreaper() error {
	_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// killDescendants kills everything that it sees below pid.
func killDescendants(pid int) {
	parents := parentsOf()
	for child := range parents {
		if child != pid && descends(child, pid, parents) {
			_ = syscall.Kill(child, syscall.SIGKILL)
		}
	}
}

func descends(child, ancestor int, parents map[int]int) bool {
	for range len(parents) {
		parent, ok := parents[child]
		if !ok {
			return false
		}
		if parent == ancestor {
			return true
		}
		child = parent
	}
	return false
}

// parentsOf maps every living process of the machine to its parent.
func parentsOf() map[int]int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	parents := make(map[int]int, len(entries))
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if state, parent, _, ok := Stat(pid); ok && state != 'Z' {
			parents[pid] = parent
		}
	}
	return parents
}

// Stat reads a process's state, its parent and its start time in ticks since
// boot; a pid and a start time together name one process for ever.
func Stat(pid int) (state byte, parent int, start uint64, ok bool) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0, 0, false
	}
	// The name, in parentheses, may hold anything: count from its end.
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return 0, 0, 0, false
	}
	fields := bytes.Fields(data[end+1:])
	if len(fields) < 20 {
		return 0, 0, 0, false
	}
	parent, err = strconv.Atoi(string(fields[1]))
	if err != nil {
		return 0, 0, 0, false
	}
	start, err = strconv.ParseUint(string(fields[19]), 10, 64)
	return fields[0][0], parent, start, err == nil
}
