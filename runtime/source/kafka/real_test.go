package kafka

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/sluice-dev/sluice/runtime/source"
)

// newRealBench is a topic of its own on the broker that the environment names.
func newRealBench(t *testing.T, partitions int32) *bench {
	t.Helper()
	brokers := os.Getenv("SLUICE_KAFKA")
	if brokers == "" {
		t.Skip("SLUICE_KAFKA names no broker; make buses starts one")
	}
	name := fmt.Sprintf("orders-%d", time.Now().UnixNano())
	b := connect(t, strings.Split(brokers, ","), name, "sluice."+name)
	admin := kadm.NewClient(b.client)
	if _, err := admin.CreateTopic(t.Context(), partitions, 1, nil, name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.DeleteTopics(context.Background(), name); err != nil { //nolint:usetesting // t.Context has ended
			t.Error(err)
		}
	})
	return b
}

// TestReal_ConsumersShareThePartitions has two consumers of one group, of which
// one ends in the midst of it: nothing is lost, and each partition comes in order.
func TestReal_ConsumersShareThePartitions(t *testing.T) {
	b := newRealBench(t, 4)
	first := b.start(earliest)
	second := b.start(earliest)
	for b.members() < 2 {
		time.Sleep(50 * time.Millisecond) // the broker tells nobody
	}
	for p := range int32(4) {
		b.produce(p, 0, 50)
	}
	b.awaitCount(200)
	first()
	for p := range int32(4) {
		b.produce(p, 50, 100)
	}
	b.await(func(got []string) bool { return len(distinct(got)) == 400 })
	second()
	checkOrder(t, b.bodies(), 4, 100)
	for p := range int32(4) {
		if at := b.committed(p); at != 100 {
			t.Errorf("partition %d: committed %d, want 100", p, at)
		}
	}
}

// TestReal_DeadLettersAndThePlace has a record refused, and the source made anew.
func TestReal_DeadLettersAndThePlace(t *testing.T) {
	b := newRealBench(t, 1)
	to := deadLetters(t, b)
	b.produce(0, 10, 20)
	stop := b.startWith(source.SinkConfig{DeadLetter: to}, Secrets{}, earliest)
	b.awaitCount(19)
	stop()
	if got := b.bodies(); len(got) != 19 || got[9] != "0/10" || b.committed(0) != 20 {
		t.Errorf("came %q, committed %d, want 20", got, b.committed(0))
	}
}
