package bus

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// Errors that drivers wrap.
var (
	// ErrNotFound is an unknown topic or subscription.
	ErrNotFound = errors.New("not found")
	// ErrUnsupported is something that this bus cannot do; the text says what to
	// do instead.
	ErrUnsupported = errors.New("not supported by this bus")
	// ErrTooLarge is a message that the bus will never take.
	ErrTooLarge = errors.New("message too large")
	// ErrForeign is something that exists but was not made by us.
	ErrForeign = errors.New("not made by sluice")
	// ErrFull is a bus that has no room now; later it may have.
	ErrFull = errors.New("bus is full")
	// ErrMoved ends the streams of a subscription whose place was moved by Seek;
	// open them again.
	ErrMoved = errors.New("subscription was moved")
	// ErrClosed is a driver or topic that was closed.
	ErrClosed = errors.New("closed")
)

// Driver is what a bus does itself. Everything else is done once, in this
// package. All methods may be called at the same time.
type Driver interface {
	Admin
	// Publish stores the messages on a topic in their order and returns nil when
	// every one is stored. It sets Position where the bus tells it. On an error
	// any of them may have been stored; on ErrTooLarge none was.
	Publish(ctx context.Context, topic string, batch []*Message) error
	// Receive opens a subscription's stream of unsettled messages. Several
	// streams of one subscription share its messages.
	Receive(ctx context.Context, from Receive) (Stream, error)
	// Close lets go of everything. Streams are closed before.
	Close() error
}

// Receive says what a stream is to deliver.
type Receive struct {
	Topic, Subscription string
	// Ordered demands that no other stream gets a message of a key while this
	// one holds an older one.
	Ordered bool
	// Sequence asks that no other stream has messages at the same time, and that
	// what an earlier one left comes first and in the order of the topic, unless
	// something after it was settled: then something failed. Drivers that promise
	// it.
	Sequence bool
	// Window is the most messages that will be held unsettled.
	Window int
}

// Stream delivers the messages of one subscription. Next is called by one
// goroutine, Settle by many.
type Stream interface {
	// Next waits for messages and returns at least one and at most max, in the
	// order of the topic. A message stays with this stream until it is settled,
	// however long that takes, or its Lost is closed. An error ends the stream.
	Next(ctx context.Context, max int) ([]*Message, error)
	// Settle ends the holding of a message: done, or given back to be delivered
	// again at once. The subscription's place never passes a message that was
	// not done. An error means that it may come again.
	Settle(ctx context.Context, m *Message, done bool) error
	// Close gives back what is still held.
	Close() error
}

// Admin makes and removes topics and subscriptions. Ensuring what is there as
// asked for changes nothing.
type Admin interface {
	// EnsureTopic creates a topic or changes it to be as asked for.
	EnsureTopic(ctx context.Context, t TopicSpec) error
	// EnsureSubscription creates a subscription or changes it. One that is
	// there keeps its place, whatever Start says.
	EnsureSubscription(ctx context.Context, s SubscriptionSpec) error
	// RemoveTopic removes a topic that we made, with its messages and
	// subscriptions. What is not there is removed already; what we did not make
	// is ErrForeign.
	RemoveTopic(ctx context.Context, name string) error
	// RemoveSubscription removes a subscription that we made, and its place.
	RemoveSubscription(ctx context.Context, topic, name string) error
	// List returns what we made, by name.
	List(ctx context.Context) (Inventory, error)
}

// TopicSpec is a topic as it should be.
type TopicSpec struct {
	Name string
	// Retention is how long messages are kept for replay after every
	// subscription has settled them; 0 is the driver's default.
	Retention time.Duration
	// Args are the driver's own parameters for topics; see the catalog.
	Args map[string]string
}

// SubscriptionSpec is a subscription as it should be.
type SubscriptionSpec struct {
	Topic, Name string
	// Start is where a new subscription begins. The zero Point is the oldest
	// message that the topic has.
	Start Point
	// Ordered asks for order per key among all receivers.
	Ordered bool
	// Args are the driver's own parameters for subscriptions.
	Args map[string]string
}

// Inventory is what we made on a bus.
type Inventory struct {
	Topics        []string
	Subscriptions []SubscriptionName
}

// Sort puts an Inventory in the order of names.
func (i *Inventory) Sort() {
	slices.Sort(i.Topics)
	slices.SortFunc(i.Subscriptions, func(a, b SubscriptionName) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Name, b.Name))
	})
}

// SubscriptionName names a subscription of a topic.
type SubscriptionName struct{ Topic, Name string }

// Seeker moves a subscription: replay, or skip.
type Seeker interface {
	// Seek makes a subscription go on at a point, wherever it was. Streams that
	// are open end or follow; no other subscription notices.
	Seek(ctx context.Context, topic, subscription string, to Point) error
}

// Browser reads a topic without consuming it.
type Browser interface {
	// Browse calls yield for the messages of a topic from a point on until yield
	// says false. With follow it then waits for new ones until ctx ends;
	// without, it returns at the end of what is stored.
	Browse(ctx context.Context, topic string, from Point, follow bool, yield func(*Message) bool) error
}

// Gauge tells how far a subscription is behind.
type Gauge interface {
	Lag(ctx context.Context, topic, subscription string) (Lag, error)
}

// Lag is what a subscription has yet to settle.
type Lag struct {
	// Messages is how many; -1 where the bus does not tell.
	Messages int64
	// Oldest is when the oldest of them was stored; zero where there is none or
	// the bus does not tell.
	Oldest time.Time
}
