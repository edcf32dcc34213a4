package kafka

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/sluice-dev/sluice/runtime/source"
	"github.com/sluice-dev/sluice/schema/contract"
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

// bench is a broker, and a sink that notes what it has acknowledged.
type bench struct {
	t       *testing.T
	brokers []string
	client  *kgo.Client
	sink    *httptest.Server
	down    atomic.Bool
	refuse  atomic.Pointer[string] // a body that is answered with 400
	refused chan struct{}          // an attempt while the sink is down

	mu   sync.Mutex
	got  []string // bodies
	came chan struct{}
}

func newBench(t *testing.T, partitions int32) *bench { return newBenchOn(t, partitions, nil) }

// newBenchOn has a broker with options of its own, which clients reach by theirs.
func newBenchOn(t *testing.T, partitions int32, broker []kfake.Opt, client ...kgo.Opt) *bench {
	c, err := kfake.NewCluster(append(broker, kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	b := &bench{t: t, brokers: c.ListenAddrs(), refused: make(chan struct{}, 1), came: make(chan struct{}, 1)}
	b.client, err = kgo.NewClient(append(client, kgo.SeedBrokers(b.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.client.Close)
	b.sink = httptest.NewServer(http.HandlerFunc(b.take))
	t.Cleanup(b.sink.Close)
	return b
}

func (b *bench) take(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if b.down.Load() {
		tell(b.refused)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if bad := b.refuse.Load(); bad != nil && *bad == string(body) {
		http.Error(w, "not this one", http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	b.got = append(b.got, string(body))
	b.mu.Unlock()
	tell(b.came)
}

func tell(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (b *bench) bodies() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.got)
}

// await returns when ok says so of the bodies that came.
func (b *bench) await(ok func([]string) bool) {
	b.t.Helper()
	late := time.After(patience)
	for !ok(b.bodies()) {
		select {
		case <-b.came:
		case <-late:
			b.t.Fatalf("came: %q", b.bodies())
		}
	}
}

func (b *bench) awaitCount(n int) {
	b.t.Helper()
	b.await(func(got []string) bool { return len(got) >= n })
}

// produce writes records "PARTITION/N" of from <= N < to.
func (b *bench) produce(partition int32, from, to int) {
	b.t.Helper()
	for n := from; n < to; n++ {
		r := &kgo.Record{Topic: topic, Partition: partition, Value: fmt.Appendf(nil, "%d/%d", partition, n)}
		if err := b.client.ProduceSync(b.t.Context(), r).FirstErr(); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bench) committed(partition int32) int64 {
	b.t.Helper()
	have, err := kadm.NewClient(b.client).FetchOffsets(b.t.Context(), group)
	if err != nil {
		b.t.Fatal(err)
	}
	o, ok := have.Lookup(topic, partition)
	if !ok {
		return -1
	}
	return o.At
}

// start runs a source, and returns when nothing is missed any more.
func (b *bench) start(change ...func(*contract.KafkaSource)) (stop func()) {
	b.t.Helper()
	return b.startWith(source.SinkConfig{}, Secrets{}, change...)
}

// startWith is start, with what a sink is told beside its address, and secrets.
func (b *bench) startWith(to source.SinkConfig, secrets Secrets, change ...func(*contract.KafkaSource)) (stop func()) {
	b.t.Helper()
	spec := contract.KafkaSource{Brokers: b.brokers, Topics: []string{topic}, Group: group, Ordered: true}
	for _, c := range change {
		c(&spec)
	}
	log := slog.New(slog.DiscardHandler)
	to.URL, to.Log = b.sink.URL, log
	sink, err := source.NewSink(to)
	if err != nil {
		b.t.Fatal(err)
	}
	ready := make(chan struct{})
	s, err := New(Config{
		Source: contract.Source{Ref: contract.Ref{Namespace: "shop", Name: "orders"}, Kafka: &spec}, Secrets: secrets, Sink: sink, Log: log,
		Ready: func() { close(ready) },
	})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	select {
	case <-ready:
	case <-time.After(patience):
		b.t.Fatal("not ready")
	}
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
		sink.Close()
	})
	b.t.Cleanup(stop)
	return stop
}

func earliest(k *contract.KafkaSource)  { k.InitialOffset = "earliest" }
func unordered(k *contract.KafkaSource) { k.Ordered = false }

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

func distinct(all []string) map[string]bool {
	set := map[string]bool{}
	for _, one := range all {
		set[one] = true
	}
	return set
}

// members counts who has partitions.
func (b *bench) members() (n int) {
	b.t.Helper()
	all, err := kadm.NewClient(b.client).DescribeGroups(b.t.Context(), group)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, m := range all[group].Members {
		if assigned, ok := m.Assigned.AsConsumer(); ok && len(assigned.Topics) > 0 {
			n++
		}
	}
	return n
}
