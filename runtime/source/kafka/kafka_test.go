package kafka

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const (
	topic = "orders"
	group = "sluice.shop.orders"
	// patience ends a test that waits for what does not come.
	patience = 30 * time.Second
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kgo.(*Client).reapConnectionsLoop"))
}

// checkOrder says that each partition's first arrivals are 0, 1, 2 ... n-1.
func checkOrder(t *testing.T, got []string, partitions, n int) {
	t.Helper()
	seen := map[string]bool{}
	next := make([]int, partitions)
	for _, body := range got {
		if seen[body] {
			continue
		}
		seen[body] = true
		p, at, _ := strings.Cut(body, "/")
		partition, _ := strconv.Atoi(p)
		if want := strconv.Itoa(next[partition]); at != want {
			t.Errorf("partition %d: %s came where %s is next", partition, at, want)
		}
		next[partition]++
	}
	for p, have := range next {
		if have != n {
			t.Errorf("partition %d: %d records came of %d", p, have, n)
		}
	}
}

func TestRun_DeliversEachPartitionInOrder(t *testing.T) {
	b := newBench(t, 3)
	for p := range int32(3) {
		b.produce(p, 0, 30)
	}
	stop := b.start(earliest)
	b.awaitCount(90)
	stop()
	if got := b.bodies(); len(got) != 90 {
		t.Errorf("%d came, want each of 90 once", len(got))
	}
	checkOrder(t, b.bodies(), 3, 30)
	for p := range int32(3) {
		if at := b.committed(p); at != 30 {
			t.Errorf("partition %d: committed %d, want 30", p, at)
		}
	}
}

func TestRun_Unordered(t *testing.T) {
	b := newBench(t, 1)
	b.produce(0, 0, 100)
	stop := b.start(earliest, unordered)
	b.awaitCount(100)
	stop()
	got := b.bodies()
	slices.Sort(got)
	if len(got) != 100 || len(slices.Compact(got)) != 100 || b.committed(0) != 100 {
		t.Errorf("%d came, committed %d", len(b.bodies()), b.committed(0))
	}
}

func TestRun_SinkDownThenUp(t *testing.T) {
	b := newBench(t, 1)
	b.down.Store(true)
	stop := b.start()
	b.produce(0, 0, 10)
	<-b.refused
	stop()
	if at := b.committed(0); at != 0 {
		t.Fatalf("committed %d before the sink took anything", at)
	}
	// The group began at "latest" before the records: a source made anew, which
	// has not sent one of them, does not pass them over.
	b.start()
	<-b.refused
	b.down.Store(false)
	b.awaitCount(10)
	checkOrder(t, b.bodies(), 1, 10)
}

func TestRun_GoesOnAtTheCommittedOffset(t *testing.T) {
	b := newBench(t, 1)
	b.produce(0, 0, 5)
	stop := b.start() // latest: these five are not asked for
	b.produce(0, 5, 10)
	b.awaitCount(5)
	stop()
	b.produce(0, 10, 15)
	stop = b.start()
	b.awaitCount(10)
	stop()
	var want []string
	for n := 5; n < 15; n++ {
		want = append(want, fmt.Sprintf("0/%d", n))
	}
	if got := b.bodies(); !slices.Equal(got, want) {
		t.Errorf("came %q, want %q", got, want)
	}
}

// TestRun_TwoShareAndOneLeaves adds a consumer while records come, and takes the
// first away while they still do.
func TestRun_TwoShareAndOneLeaves(t *testing.T) {
	b := newBench(t, 4)
	first := b.start(earliest)
	each := func(from, to int) {
		for p := range int32(4) {
			b.produce(p, from, to)
		}
	}
	each(0, 20)
	b.awaitCount(80)
	second := b.start(earliest)
	at := 20
	for b.members() < 2 { // while the group is balanced anew
		each(at, at+1)
		at++
	}
	b.await(func(got []string) bool { return len(distinct(got)) == 4*at })
	each(at, at+20)
	first()
	each(at+20, at+40)
	at += 40
	b.await(func(got []string) bool { return len(distinct(got)) == 4*at })
	second()
	checkOrder(t, b.bodies(), 4, at)
	for p := range int32(4) {
		if have := b.committed(p); have != int64(at) {
			t.Errorf("partition %d: committed %d, want %d", p, have, at)
		}
	}
}
