package thrift

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// recorder is a keeper whose doings are noted.
type recorder struct {
	*keeper
	heap
	set              []int
	freed, collected int
}

func record(c Config) *recorder {
	r := &recorder{}
	r.keeper = &keeper{Config: c, percent: func(p int) { r.set = append(r.set, p) },
		free:    func() { r.freed++; r.objects = r.live },
		collect: func() { r.collected++; r.objects = r.live }}
	r.begin(r.heap)
	return r
}

// grow looks so often, each time after n more bytes of garbage.
func (r *recorder) grow(n uint64, looks int) {
	for range looks {
		r.allocated += n
		r.objects += n
		r.look(r.heap)
	}
}

func (r *recorder) want(t *testing.T, why string, set []int, freed, collected int) {
	t.Helper()
	if !slices.Equal(r.set, set) || r.freed != freed || r.collected != collected {
		t.Errorf("%s: set to %v, freed %d times, collected %d times; want %v, %d, %d", why, r.set, r.freed, r.collected, set, freed, collected)
	}
}

func TestKeeper_RestsWhenQuietAndWorksAtOnce(t *testing.T) {
	r := record(Config{Rest: 20, Work: func(uint64) int { return 200 }, From: 1000, Quiet: 10 * looks})
	r.grow(999, 100)
	r.want(t, "little from the start", []int{20}, 0, 0)
	r.grow(1000, 1)
	r.grow(10, 9)
	r.want(t, "before the rest has begun", []int{20, 200}, 0, 0)
	r.grow(10, 30)
	r.want(t, "at rest", []int{20, 200, 20}, 1, 0)
	r.grow(1000, 1)
	for range 5 { // pauses that are shorter than a rest
		r.grow(0, 9)
		r.grow(1000, 1)
	}
	r.want(t, "short pauses", []int{20, 200, 20, 200}, 1, 0)
}

func TestKeeper_TheRoomIsThatOfWhatIsInUse(t *testing.T) {
	r := record(Config{Rest: 60, Work: func(live uint64) int { return int(live) }, From: 1000, Quiet: 5 * looks})
	for _, live := range []uint64{100, 70} {
		r.live = live
		r.grow(1000, 3)
		r.grow(0, 5)
	}
	r.want(t, "two rounds of work", []int{60, 100, 60, 70, 60}, 2, 0)
}

func TestKeeper_CollectsInAPauseOfTheWork(t *testing.T) {
	r := record(Config{Rest: 60, Work: func(uint64) int { return 200 }, From: 1000, Quiet: 5 * looks, Pause: 10_000})
	r.grow(900, 20)
	r.want(t, "garbage at rest is the collector's", []int{60}, 0, 0)
	r.objects = 0
	r.grow(1000, 30)
	r.want(t, "at work, and much garbage", []int{60, 200}, 0, 0)
	r.grow(1, 1)
	r.want(t, "a pause", []int{60, 200}, 0, 1)
	r.grow(1000, 9)
	r.grow(1, 2)
	r.want(t, "a pause after little work", []int{60, 200}, 0, 1)
	r.grow(1000, 9)
	r.grow(1, 5)
	r.want(t, "a pause, and rest", []int{60, 200, 60}, 1, 2)
}

func TestKeep_EndsWithItsContextAndLeavesTheUsersSettingAlone(t *testing.T) {
	t.Setenv("GOGC", "")
	c := Config{Rest: 100, Work: func(uint64) int { return 100 }, From: 1 << 40, Quiet: time.Second}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*looks)
		defer cancel()
		if err := Keep(ctx, c); err != nil || ctx.Err() == nil {
			t.Errorf("%v, and the time: %v", err, ctx.Err())
		}
	})
	t.Setenv("GOGC", "50")
	if err := Keep(t.Context(), c); err != nil { // it returns though t's context goes on
		t.Error(err)
	}
}
