package node

import (
	"os"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

func TestTrees_SumUpWhatRunsBelowAndWhatHasRun(t *testing.T) {
	grown := grow([]procfs.ProcStat{
		{PID: 1, PPID: 0, UTime: 1000, RSS: 1000},
		{PID: 10, PPID: 1, UTime: 50, STime: 50, CUTime: 30, CSTime: 20, RSS: 7}, // the shim
		{PID: 11, PPID: 10, UTime: 100, STime: 10, RSS: 3},
		{PID: 12, PPID: 10, UTime: 5, CUTime: 7, RSS: 2},
		{PID: 13, PPID: 11, STime: 8, CSTime: 10, RSS: 1},
		{PID: 20, PPID: 1, UTime: 500, RSS: 100}, // another container's
	})
	cpu, resident := grown.used(10)
	if want := 1900 * time.Millisecond; cpu != want || resident != 6*int64(os.Getpagesize()) {
		t.Errorf("%v and %d bytes, want %v and 6 pages", cpu, resident, want)
	}
	if cpu, resident := grown.used(99); cpu != 0 || resident != 0 {
		t.Errorf("nobody has used %v and %d bytes", cpu, resident)
	}
}

func TestUsage_IsThatOfTheContainersThatRun(t *testing.T) {
	w := newWorld(t)
	w.create(serving("one"))
	w.awaitReady("one")
	all, err := w.node.Usage()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || all[0].Pod != "one" || all[0].Resident < 1<<20 || time.Since(all[0].Started) > time.Minute {
		t.Errorf("got %+v", all)
	}
	w.delete("one", 1)
	w.awaitGone("one")
	if all, err := w.node.Usage(); err != nil || len(all) != 0 {
		t.Errorf("after its end: %+v, %v", all, err)
	}
}

// One look at all processes of this machine.
func BenchmarkReadTrees(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		t, err := readTrees()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(t.known)), "processes")
	}
}
