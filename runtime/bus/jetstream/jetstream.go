package jetstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluice-dev/sluice/runtime/bus"
)

const (
	// DefaultLease is after how long the server gives a message to another
	// receiver when this one has died. Living ones renew it.
	DefaultLease = 10 * time.Second
	// DefaultSync is how often an embedded server flushes its files to the disk.
	DefaultSync = time.Second
	// SyncAlways flushes before every answer.
	SyncAlways = time.Duration(-1)
	// DefaultRetention is how long settled messages are kept for replay, as
	// Kafka does.
	DefaultRetention = 7 * 24 * time.Hour
	// defaultMaxBytes is what a topic holds at most.
	defaultMaxBytes = 1 << 30
	// maxPayload is an embedded server's largest message, headers included.
	maxPayload = 8 << 20
	// apiTimeout bounds one request to the server.
	apiTimeout = 10 * time.Second
)

// Promises are what an embedded server keeps; MaxBytes of another one is
// Bus.Promises.
var Promises = bus.Promises{
	Persistent: true, Ordered: true, Sequence: true, Replay: true, Positions: true, History: true,
	Lag: true, Age: true, Listed: true, MaxBytes: maxPayload,
}

// Config is how to reach a bus. Exactly one of Dir, Server and URL is set.
type Config struct {
	// Dir is where an embedded server keeps its files. One process at a time.
	Dir string
	// Sync is how often it flushes them. Default: 1 s.
	Sync time.Duration
	// Server is an embedded server that another Bus of this process has opened.
	Server *Server
	// URL is that of a server, or several with commas: nats://host:4222.
	URL string
	// TLS, if set, is used for all connections, and none is made without. Default:
	// where the server wants TLS, or the URL says so (tls://host:4222), the
	// system's certificates are believed.
	TLS *tls.Config
	// Credentials is the content of a .creds file, Token a token; User and
	// Password are another way. Optional.
	Credentials, Token, User, Password string
	// Lease: see DefaultLease.
	Lease time.Duration
	// Log hears of the connection. Default: slog.Default().
	Log *slog.Logger
}

// Bus is a bus.Driver.
type Bus struct {
	server *Server // nil: not ours to stop
	conn   *nats.Conn
	js     jetstream.JetStream
	lease  time.Duration
	log    *slog.Logger

	moving  sync.RWMutex // held to write while a subscription is moved
	mu      sync.Mutex   // guards what follows
	streams map[bus.SubscriptionName]map[*stream]struct{}
	moves   map[bus.SubscriptionName]int // as last seen; 0 is left out

	answering *nats.Subscription // see alive
	cut       *time.Timer        // runs while the connection is lost

	stop context.CancelFunc // of the janitor
	work sync.WaitGroup
}

var (
	_ bus.Driver  = (*Bus)(nil)
	_ bus.Seeker  = (*Bus)(nil)
	_ bus.Browser = (*Bus)(nil)
	_ bus.Gauge   = (*Bus)(nil)
)

// Open connects, and starts the server where it is embedded.
func Open(cfg Config) (*Bus, error) {
	cfg.Lease = cmp.Or(cfg.Lease, DefaultLease)
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	b := &Bus{lease: cfg.Lease, log: cfg.Log, streams: map[bus.SubscriptionName]map[*stream]struct{}{}, moves: map[bus.SubscriptionName]int{}}
	var err error
	if cfg.Dir != "" {
		if b.server, err = Start(cfg.Dir, cfg.Sync, cfg.Log); err != nil {
			return nil, err
		}
		cfg.Server = b.server
	}
	if b.conn, err = connect(cfg); err == nil {
		b.js, err = jetstream.New(b.conn, jetstream.WithDefaultTimeout(apiTimeout), jetstream.WithPublishAsyncMaxPending(8192))
	}
	if err == nil && b.server != nil {
		err = b.forgetHolders()
	}
	if err != nil {
		_ = b.Close()
		return nil, err
	}
	b.watchConnection()
	ctx, cancel := context.WithCancel(context.Background())
	b.stop = cancel
	b.work.Go(func() { b.janitor(ctx) })
	b.work.Go(func() { b.renewAll(ctx) })
	return b, nil
}

func connect(cfg Config) (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name("sluice"), nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond), nats.Timeout(5 * time.Second),
		nats.IgnoreAuthErrorAbort(), // who may connect is changed on the servers and here at two times
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				cfg.Log.Warn("nats connection lost, is made again", "error", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { cfg.Log.Warn("nats", "error", err) }),
	}
	if cfg.TLS != nil {
		options = append(options, nats.Secure(cfg.TLS))
	}
	if cfg.User != "" {
		options = append(options, nats.UserInfo(cfg.User, cfg.Password))
	}
	if cfg.Token != "" {
		options = append(options, nats.Token(cfg.Token))
	}
	if cfg.Credentials != "" {
		options = append(options, nats.UserCredentialBytes([]byte(cfg.Credentials)))
	}
	if cfg.Server != nil {
		options = append(options, nats.InProcessServer(cfg.Server.nats))
	} else if cfg.URL == "" {
		return nil, errors.New("nats: neither dir nor url is given")
	}
	conn, err := nats.Connect(cfg.URL, options...)
	if err != nil {
		return nil, fmt.Errorf("nats: connect: %w", withoutURL(err))
	}
	return conn, nil
}

// withoutURL keeps the URL, which the parser quotes and which may have a
// password, out of an error.
func withoutURL(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return fmt.Errorf("the url cannot be read: %w", u.Err)
	}
	return err
}

// Promises are this server's.
func (b *Bus) Promises() bus.Promises {
	p := Promises
	p.MaxBytes = int(b.conn.MaxPayload())
	return p
}

// Server is the embedded server, for another Bus of this process; nil where
// there is none.
func (b *Bus) Server() *Server { return b.server }

// Close implements bus.Driver.
func (b *Bus) Close() error {
	if b.stop != nil {
		b.stop()
	}
	b.work.Wait()
	if b.conn != nil {
		_ = b.conn.FlushTimeout(apiTimeout)
		b.conn.Close()
	}
	if b.server != nil {
		b.server.Stop()
	}
	return nil
}

// notFound spells the server's answers in the words of package bus.
func notFound(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrConsumerNotFound),
		errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%w: %w", bus.ErrNotFound, err)
	case isFull(err):
		return fmt.Errorf("%w: %w", bus.ErrFull, err)
	}
	return err
}

// isFull knows the error codes of a stream and of a server that are full.
func isFull(err error) bool {
	api := (*jetstream.APIError)(nil)
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode {
	case 10077, // maximum messages, bytes or age of a stream
		10023, 10028, 10047: // resources, memory, storage of a server
		return true
	}
	return false
}
