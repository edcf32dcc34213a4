package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/sluice-dev/sluice/runtime/bus"
)

const (
	// maxBytes is what fits into a batch of Kafka's default size, with room for
	// the batch's own words.
	maxBytes = 1_000_000
	// DefaultRetention is Kafka's own.
	DefaultRetention = 7 * 24 * time.Hour
	deliveryTimeout  = 20 * time.Second
	callTimeout      = 15 * time.Second
)

// Promises are what this driver keeps.
var Promises = bus.Promises{
	Persistent: true, Ordered: true, Sequence: true, Replay: true, Positions: true, History: true, Lag: true, Listed: true, MaxBytes: maxBytes,
}

// Config is how to reach a cluster.
type Config struct {
	Brokers []string
	// TLS, if set, is used for all connections.
	TLS *tls.Config
	// User and Password, if set, are shown to the brokers, in the way of Mechanism:
	// Plain (the default), ScramSHA256 or ScramSHA512.
	User, Password, Mechanism string
	Log                       *slog.Logger
}

// The SASL mechanisms.
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
)

// Bus is a bus.Driver.
type Bus struct {
	options []kgo.Opt
	client  *kgo.Client // publishes
	admin   *kadm.Client
	ledger  *ledger
	log     *slog.Logger

	moving  sync.RWMutex // held to write while a subscription is moved
	mu      sync.Mutex   // guards streams
	streams map[string]map[*stream]struct{}
}

var (
	_ bus.Driver  = (*Bus)(nil)
	_ bus.Seeker  = (*Bus)(nil)
	_ bus.Browser = (*Bus)(nil)
	_ bus.Gauge   = (*Bus)(nil)
)

// Open connects.
func Open(ctx context.Context, cfg Config) (*Bus, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("kafka: no brokers are given")
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(cfg.Brokers...), kgo.ClientID("sluice"), kgo.MetadataMinAge(100 * time.Millisecond), kgo.DialTimeout(5 * time.Second),
	}
	if cfg.TLS != nil {
		options = append(options, kgo.DialTLSConfig(cfg.TLS))
	}
	if cfg.User != "" {
		m, err := mechanism(cfg)
		if err != nil {
			return nil, err
		}
		options = append(options, kgo.SASL(m))
	}
	client, err := kgo.NewClient(append(options,
		kgo.RecordDeliveryTimeout(deliveryTimeout), kgo.UnknownTopicRetries(5), kgo.MaxBufferedRecords(50_000), kgo.ProducerLinger(0),
	)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	b := &Bus{options: options, client: client, admin: kadm.NewClient(client), log: cfg.Log, streams: map[string]map[*stream]struct{}{}}
	if b.log == nil {
		b.log = slog.Default()
	}
	b.ledger = &ledger{bus: b}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := client.Ping(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return b, nil
}

func mechanism(cfg Config) (sasl.Mechanism, error) {
	switch cfg.Mechanism {
	case "", Plain:
		return plain.Auth{User: cfg.User, Pass: cfg.Password}.AsMechanism(), nil
	case ScramSHA256:
		return scram.Auth{User: cfg.User, Pass: cfg.Password}.AsSha256Mechanism(), nil
	case ScramSHA512:
		return scram.Auth{User: cfg.User, Pass: cfg.Password}.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("kafka: SASL mechanism %q is unknown: write %s, %s or %s", cfg.Mechanism, Plain, ScramSHA256, ScramSHA512)
}

// Close implements bus.Driver.
func (b *Bus) Close() error {
	b.client.Close()
	return nil
}

// wrap names the subject of an error, in the words of package bus.
func wrap(kind, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		return fmt.Errorf("%s %q: %w: %w", kind, name, bus.ErrNotFound, err)
	case errors.Is(err, kerr.MessageTooLarge):
		return fmt.Errorf("%s %q: %w: %w", kind, name, bus.ErrTooLarge, err)
	}
	return fmt.Errorf("%s %q: %w", kind, name, err)
}

// groupOf is the consumer group of a subscription. A topic has no slash.
func groupOf(topic, subscription string) string { return topic + "/" + subscription }

func orDefault(d, otherwise time.Duration) time.Duration { return cmp.Or(d, otherwise) }
