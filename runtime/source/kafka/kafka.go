package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

const (
	commitEvery  = time.Second
	commitWithin = 10 * time.Second
	// topicEvery is how often topics and partitions that are new are looked for.
	topicEvery = 30 * time.Second
)

// Sender takes events; see source.Sink.
type Sender interface {
	Send(ctx context.Context, e *cloudevents.Event) error
}

// Config is how to run.
type Config struct {
	Source  contract.Source
	Secrets Secrets
	Sink    Sender
	// Ready is called when nothing is missed any more; nil is nobody.
	Ready func()
	Log   *slog.Logger
}

// Source sends records.
type Source struct {
	cfg     Config
	spec    contract.KafkaSource
	options []kgo.Opt
	client  *kgo.Client

	mu      sync.Mutex // guards workers
	workers map[place]*worker
}

// place is a partition of a topic.
type place struct {
	topic     string
	partition int32
}

// New checks the source and its secrets.
func New(cfg Config) (*Source, error) {
	k := cfg.Source.Kafka
	if k == nil || len(k.Brokers) == 0 || len(k.Topics) == 0 || k.Group == "" {
		return nil, errors.New("kafka: the source has to say brokers, topics and a group")
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Ready == nil {
		cfg.Ready = func() {}
	}
	options, err := connection(*k, cfg.Secrets)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.Source.Ref, err)
	}
	return &Source{cfg: cfg, spec: *k, options: options, workers: map[place]*worker{}}, nil
}

// Run sends until ctx ends; what was acknowledged until then is committed.
func (s *Source) Run(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return ended(ctx, err)
	}
	var err error
	s.client, err = kgo.NewClient(append(s.options[:len(s.options):len(s.options)],
		kgo.ConsumerGroup(s.spec.Group), kgo.ConsumeTopics(s.spec.Topics...), kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.BlockRebalanceOnPoll(), kgo.AutoCommitMarks(), kgo.AutoCommitInterval(commitEvery), kgo.MetadataMaxAge(topicEvery),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), // of partitions that came after the group began
		kgo.OnPartitionsRevoked(s.revoked), kgo.OnPartitionsLost(s.lost),
	)...)
	if err != nil {
		return fmt.Errorf("%s: %w", s.cfg.Source.Ref, err)
	}
	defer s.client.CloseAllowingRebalance()
	s.cfg.Ready()
	for ctx.Err() == nil {
		s.poll(ctx)
	}
	s.drop(context.WithoutCancel(ctx), s.all(), true)
	return nil
}

// poll gives each partition's records to its worker.
func (s *Source) poll(ctx context.Context) {
	fetches := s.client.PollFetches(ctx)
	type hand struct {
		w       *worker
		records []*kgo.Record
	}
	var hands []hand
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if p.Err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("records not read, is tried again", "topic", p.Topic, "partition", p.Partition, "error", p.Err)
		}
		if len(p.Records) > 0 {
			s.client.PauseFetchPartitions(map[string][]int32{p.Topic: {p.Partition}})
			hands = append(hands, hand{s.worker(ctx, place{p.Topic, p.Partition}), p.Records})
		}
	})
	s.client.AllowRebalance()
	for _, h := range hands { // a worker whose partition has gone meanwhile does not take them
		h.w.give(ctx, h.records)
	}
}

// revoked is called before another gets these partitions.
func (s *Source) revoked(ctx context.Context, _ *kgo.Client, topics map[string][]int32) {
	s.drop(context.WithoutCancel(ctx), places(topics), true)
}

// lost is called when another may have these partitions already.
func (s *Source) lost(ctx context.Context, _ *kgo.Client, topics map[string][]int32) {
	s.drop(ctx, places(topics), false)
}

// drop ends the workers of partitions, and commits what was acknowledged.
func (s *Source) drop(ctx context.Context, going []place, commit bool) {
	s.mu.Lock()
	var workers []*worker
	for _, p := range going {
		if w := s.workers[p]; w != nil {
			workers = append(workers, w)
			delete(s.workers, p)
		}
	}
	s.mu.Unlock()
	stop(workers)
	for _, p := range going {
		s.client.ResumeFetchPartitions(map[string][]int32{p.topic: {p.partition}})
	}
	if !commit {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, commitWithin)
	defer cancel()
	if err := s.client.CommitMarkedOffsets(ctx); err != nil {
		s.cfg.Log.Warn("offsets not committed, records come again", "group", s.spec.Group, "error", err)
	}
}

func (s *Source) all() (all []place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.workers {
		all = append(all, p)
	}
	return all
}

func places(topics map[string][]int32) (all []place) {
	for topic, partitions := range topics {
		for _, p := range partitions {
			all = append(all, place{topic, p})
		}
	}
	return all
}

func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
