package pubsub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	apiv1 "cloud.google.com/go/pubsub/v2/apiv1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/google"
)

const (
	// maxBytes leaves room for attributes' framing in a request, which Pub/Sub
	// bounds to 10 MB.
	maxBytes = 9_000_000
	// defaultLease is how long a message waits for a sign of life of who holds
	// it; it is renewed three times as often. Pub/Sub takes 10 s to 10 min.
	defaultLease = 30 * time.Second
)

// Promises are what this driver keeps.
var Promises = bus.Promises{Persistent: true, Ordered: true, Listed: true, MaxBytes: maxBytes}

// Config is how to reach the service.
type Config struct {
	// Project is the id of the project that topics are made in.
	Project string
	// Credentials is the JSON of a service account's key, or of another
	// credential. "": the machine's own (Workload Identity).
	Credentials string
	// Endpoint is a region's (europe-west1-pubsub.googleapis.com:443), or
	// host:port of an emulator, spoken to in plain text and without
	// credentials. "": the service's.
	Endpoint string
	Log      *slog.Logger

	lease time.Duration // tests shorten it
}

// Bus is a bus.Driver.
type Bus struct {
	project       string
	lease         time.Duration
	log           *slog.Logger
	topics        *apiv1.TopicAdminClient
	subscriptions *apiv1.SubscriptionAdminClient
	once          sync.Once // closes
}

var (
	_ bus.Driver  = (*Bus)(nil)
	_ bus.Browser = (*Bus)(nil)
)

// Open makes clients; they connect when they are first used.
func Open(ctx context.Context, cfg Config) (*Bus, error) {
	if cfg.Project == "" {
		return nil, errors.New("pubsub: no project is given")
	}
	access := google.Access{Credentials: cfg.Credentials, Endpoint: cfg.Endpoint}
	options, err := access.Options()
	if err != nil {
		return nil, fmt.Errorf("pubsub: %w", err)
	}
	b := &Bus{project: cfg.Project, lease: cmp.Or(cfg.lease, defaultLease), log: cmp.Or(cfg.Log, slog.Default())}
	if b.topics, err = apiv1.NewTopicAdminClient(ctx, options...); err != nil {
		return nil, fmt.Errorf("pubsub: %w", access.Refused(err))
	}
	if b.subscriptions, err = apiv1.NewSubscriptionAdminClient(ctx, options...); err != nil {
		_ = b.topics.Close()
		return nil, fmt.Errorf("pubsub: %w", access.Refused(err))
	}
	return b, nil
}

// Close implements bus.Driver.
func (b *Bus) Close() (err error) {
	b.once.Do(func() { err = errors.Join(b.topics.Close(), b.subscriptions.Close()) })
	return err
}

// wrap names the subject of an error, in the words of package bus.
func wrap(kind, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case status.Code(err) == codes.NotFound:
		return fmt.Errorf("%s %q: %w: %w", kind, name, bus.ErrNotFound, err)
	}
	return fmt.Errorf("%s %q: %w", kind, name, err)
}

// gone takes what is not there for removed.
func gone(err error) error {
	if status.Code(err) == codes.NotFound {
		return nil
	}
	return err
}
