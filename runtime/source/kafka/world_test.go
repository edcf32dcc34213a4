package kafka

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/source"
	"github.com/sluice-dev/sluice/schema/contract"
)

// bench is a broker, and a sink that notes what it has acknowledged.
type bench struct {
	t       *testing.T
	brokers []string
	topic   string
	group   string
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
	return connect(t, c.ListenAddrs(), topic, group, client...)
}

// connect makes a bench of brokers that are there.
func connect(t *testing.T, brokers []string, topic, group string, client ...kgo.Opt) *bench {
	b := &bench{t: t, brokers: brokers, topic: topic, group: group, refused: make(chan struct{}, 1), came: make(chan struct{}, 1)}
	var err error
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
		r := &kgo.Record{Topic: b.topic, Partition: partition, Value: fmt.Appendf(nil, "%d/%d", partition, n)}
		if err := b.client.ProduceSync(b.t.Context(), r).FirstErr(); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bench) committed(partition int32) int64 {
	b.t.Helper()
	have, err := kadm.NewClient(b.client).FetchOffsets(b.t.Context(), b.group)
	if err != nil {
		b.t.Fatal(err)
	}
	o, ok := have.Lookup(b.topic, partition)
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
	spec := contract.KafkaSource{Brokers: b.brokers, Topics: []string{b.topic}, Group: b.group, Ordered: true}
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
	all, err := kadm.NewClient(b.client).DescribeGroups(b.t.Context(), b.group)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, m := range all[b.group].Members {
		if assigned, ok := m.Assigned.AsConsumer(); ok && len(assigned.Topics) > 0 {
			n++
		}
	}
	return n
}
