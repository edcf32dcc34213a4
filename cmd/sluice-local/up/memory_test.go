package up

import (
	"slices"
	"testing"
)

func TestHeap_RoomWhileThereIsWork(t *testing.T) {
	var set []int
	freed := 0
	h := &heap{percent: func(p int) { set = append(set, p) }, free: func() { freed++ }}
	var allocated uint64
	grow := func(n, live uint64, times int) {
		for range times {
			allocated += n
			h.look(allocated, live)
		}
	}
	grow(workFrom-1, 128<<20, 2*restAfter)
	if len(set) != 0 || freed != 0 {
		t.Fatalf("at rest from the start: set to %v, freed %d times", set, freed)
	}
	grow(workFrom, 128<<20, 10)
	grow(0, 128<<20, restAfter-1)
	if !slices.Equal(set, []int{200}) || freed != 0 {
		t.Fatalf("at work: set to %v, freed %d times", set, freed)
	}
	grow(0, 128<<20, restAfter)
	if !slices.Equal(set, []int{200, gcPercent}) || freed != 1 {
		t.Fatalf("at rest: set to %v, freed %d times", set, freed)
	}
	grow(workFrom, 2<<30, 1) // so much is in use that the usual share is more
	grow(0, 2<<30, restAfter)
	grow(workFrom, 0, 1) // nothing was collected yet
	if !slices.Equal(set, []int{200, gcPercent, gcPercent, gcPercent, 400}) {
		t.Fatalf("set to %v", set)
	}
}
