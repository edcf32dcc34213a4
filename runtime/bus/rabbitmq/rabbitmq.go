package rabbitmq

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/sluice-dev/sluice/runtime/bus"
)

const (
	prefix      = "sluice."
	dialTimeout = 10 * time.Second
	// maxBytes is what this driver sends; the broker's own limit is 128 MiB.
	maxBytes = 16 << 20
)

// Promises are what this driver keeps.
var Promises = bus.Promises{Persistent: true, Ordered: true, Sequence: true, Lag: true, MaxBytes: maxBytes}

// Config is how to reach a broker.
type Config struct {
	// URL is amqp://user:password@host:5672/vhost, or amqps.
	URL string
	// TLS is used for amqps, and given for nothing else. Default: the system's
	// certificates are believed.
	TLS *tls.Config
	Log *slog.Logger
}

// Bus is a bus.Driver.
type Bus struct {
	url string
	tls *tls.Config
	log *slog.Logger

	mu     sync.Mutex // guards what follows
	conn   *amqp.Connection
	sender *amqp.Channel     // in confirm mode
	ended  chan *amqp.Error  // news of its end
	topics map[string]string // queue types of topics that we made
	made   map[bus.SubscriptionName]bool
	closed bool

	sending sync.Mutex // one batch at a time on the sender
	held    sync.Map   // queue -> *atomic.Int64
}

var (
	_ bus.Driver  = (*Bus)(nil)
	_ bus.Browser = (*Bus)(nil)
	_ bus.Gauge   = (*Bus)(nil)
)

// Open connects.
func Open(cfg Config) (*Bus, error) {
	b := &Bus{url: cfg.URL, tls: cfg.TLS, log: cfg.Log, topics: map[string]string{}, made: map[bus.SubscriptionName]bool{}}
	if b.log == nil {
		b.log = slog.Default()
	}
	if cfg.TLS != nil && !strings.HasPrefix(cfg.URL, "amqps:") {
		return nil, errors.New("rabbitmq: certificates are given, and a url that makes no use of them: write amqps://")
	}
	_, err := b.connection()
	if err != nil {
		return nil, err
	}
	return b, nil
}

// connection returns the one there is, or makes another.
func (b *Bus) connection() (*amqp.Connection, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, fmt.Errorf("rabbitmq: %w", bus.ErrClosed)
	}
	if b.conn != nil && !b.conn.IsClosed() {
		return b.conn, nil
	}
	conn, err := amqp.DialConfig(b.url, amqp.Config{
		Heartbeat: 10 * time.Second, TLSClientConfig: b.tls.Clone(), Properties: amqp.Table{"connection_name": "sluice"},
		Dial: func(network, addr string) (net.Conn, error) {
			c, err := net.DialTimeout(network, addr, dialTimeout)
			if err != nil {
				return nil, err
			}
			return c, c.SetDeadline(time.Now().Add(dialTimeout)) // of the handshake; the library lifts it
		},
	})
	if err != nil {
		return nil, fmt.Errorf("rabbitmq: %w", withoutPassword(err))
	}
	b.conn, b.sender = conn, nil
	return conn, nil
}

// withoutPassword keeps the URL, which the parser quotes, out of an error.
func withoutPassword(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return fmt.Errorf("the url cannot be read: %w", u.Err)
	}
	return err
}

// channel opens a channel for a few words; it is closed by the broker when one
// of them is wrong.
func (b *Bus) channel(do func(*amqp.Channel) error) error {
	conn, err := b.connection()
	if err != nil {
		return err
	}
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("rabbitmq: %w", err)
	}
	defer ch.Close()
	return do(ch)
}

// Close implements bus.Driver.
func (b *Bus) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.conn == nil || b.conn.IsClosed() {
		return nil
	}
	return b.conn.Close()
}

// wrap names the subject of an error, in the words of package bus.
func wrap(kind, name string, err error) error {
	if err == nil {
		return nil
	}
	if e := (*amqp.Error)(nil); errors.As(err, &e) {
		switch e.Code {
		case amqp.NotFound:
			return fmt.Errorf("%s %q: %w: %w", kind, name, bus.ErrNotFound, err)
		case amqp.PreconditionFailed:
			return fmt.Errorf("%s %q: it is there, made otherwise; RabbitMQ cannot change it: %w", kind, name, err)
		}
	}
	return fmt.Errorf("%s %q: %w", kind, name, err)
}

func exchangeOf(topic string) string { return prefix + topic }

func queueOf(topic, subscription string) string { return prefix + topic + "/" + subscription }

// holding counts what streams of this process hold of a queue.
func (b *Bus) holding(queue string) *atomic.Int64 {
	n, _ := b.held.LoadOrStore(queue, &atomic.Int64{})
	return n.(*atomic.Int64)
}
