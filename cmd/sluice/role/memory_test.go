package role

import (
	"slices"
	"testing"
)

func TestThrift_RestsWhenQuietAndWorksAtOnce(t *testing.T) {
	var set []int
	freed := 0
	th := &thrift{percent: func(p int) { set = append(set, p) }, free: func() { freed++ }}
	allocated := uint64(50 << 20)
	grow := func(n uint64, times int) {
		for range times {
			allocated += n
			th.look(allocated)
		}
	}
	th.begin(allocated)
	grow(workFrom, 1)
	grow(100, restAfter-1)
	if !slices.Equal(set, []int{restPercent, workPercent}) || freed != 0 {
		t.Fatalf("set to %v, freed %d times before the rest has begun", set, freed)
	}
	set = set[1:]
	grow(100, 3*restAfter)
	if !slices.Equal(set, []int{workPercent, restPercent}) || freed != 1 {
		t.Fatalf("at rest: set to %v, freed %d times", set, freed)
	}
	grow(workFrom, 1)
	if !slices.Equal(set, []int{workPercent, restPercent, workPercent}) {
		t.Fatalf("at work: set to %v", set)
	}
	for range 5 { // pauses that are shorter than a rest
		grow(0, restAfter-1)
		grow(workFrom, 1)
	}
	if len(set) != 3 || freed != 1 {
		t.Fatalf("short pauses: set to %v, freed %d times", set, freed)
	}
}
