package node

import (
	"fmt"
	"time"

	"github.com/prometheus/procfs"
)

// ticks is how many of the kernel's clock ticks, in which it counts CPU time
// for /proc, are a second; it is the same on every Linux.
const ticks = 100

// Usage is what a container's processes have used since its start.
type Usage struct {
	Namespace, Pod, Container string
	// Started is when this run of the container began.
	Started time.Time
	// CPU is the time of all that run or have run in it; to a hundredth of a
	// second.
	CPU time.Duration
	// Resident is the memory of those that run, in bytes. Pages that two of them
	// share count for each.
	Resident int64
}

// Usage reads what every running container has used. It looks at all processes
// of the machine, once.
func (n *Node) Usage() ([]Usage, error) {
	below, err := readTrees()
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", n.cfg.Name, err)
	}
	var all []Usage
	for _, p := range n.list() {
		pod := p.current()
		for _, c := range p.containers {
			u := Usage{Namespace: pod.Namespace, Pod: pod.Name, Container: c.name}
			pid, runs := 0, false
			if u.Started, pid, runs = c.runs(); runs {
				u.CPU, u.Resident = below.used(pid)
				all = append(all, u)
			}
		}
	}
	return all, nil
}

// runs is since when the container runs, and the shim that its processes are below.
func (c *container) runs() (since time.Time, pid int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proc == nil || c.status.State.Running == nil {
		return time.Time{}, 0, false
	}
	return c.status.State.Running.StartedAt.Time, c.proc.Pid(), true
}

// trees are the processes of the machine, and who is whose child.
type trees struct {
	known    map[int]procfs.ProcStat
	children map[int][]int
}

// readTrees looks at every process. One that ends meanwhile is left out.
func readTrees() (trees, error) {
	all, err := procfs.AllProcs()
	if err != nil {
		return trees{}, err
	}
	stats := make([]procfs.ProcStat, 0, len(all))
	for _, p := range all {
		if s, err := p.Stat(); err == nil {
			stats = append(stats, s)
		}
	}
	return grow(stats), nil
}

func grow(stats []procfs.ProcStat) trees {
	t := trees{known: make(map[int]procfs.ProcStat, len(stats)), children: make(map[int][]int, len(stats))}
	for _, s := range stats {
		t.known[s.PID] = s
		t.children[s.PPID] = append(t.children[s.PPID], s.PID)
	}
	return t
}

// used sums up what runs below a process, and what has run there and was waited
// for. The process itself, which is ours, is left out.
func (t trees) used(pid int) (cpu time.Duration, resident int64) {
	sum := waited(t.known[pid])
	todo := t.children[pid]
	for len(todo) > 0 {
		next := t.known[todo[0]]
		todo = append(todo[1:len(todo):len(todo)], t.children[next.PID]...)
		sum += int64(next.UTime) + int64(next.STime) + waited(next)
		resident += int64(next.ResidentMemory())
	}
	return time.Duration(sum) * (time.Second / ticks), resident
}

// waited is the time, in ticks, of a process's children that have ended.
func waited(s procfs.ProcStat) int64 { return int64(s.CUTime) + int64(s.CSTime) }
