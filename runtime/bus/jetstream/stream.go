package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sluice-dev/sluice/runtime/bus"
)

const (
	// pullExpires is how long one request for messages waits at the server,
	// heartbeat how often the server says that it is still there.
	pullExpires = 60 * time.Second
	heartbeat   = 5 * time.Second
	closeWait   = 2 * time.Second
	lookIn      = 5 * time.Millisecond
)

// stream is one receiver. It has at most one request open at the server, whose
// messages and statuses arrive on an inbox of its own.
type stream struct {
	bus      *Bus
	name     bus.SubscriptionName
	consumer string // that of the subscription when the stream opened
	inbox    string
	sub      *nats.Subscription
	holder   *holder // nil: it is not to be the only one
	arrived  chan struct{}
	silence  *time.Timer

	mu      sync.Mutex // guards what follows
	buffer  []*bus.Message
	held    map[string]struct{} // replies of what is unsettled, the buffer's too
	last    string              // reply of the newest message
	request int                 // the open one's number
	asked   int                 // what it has yet to bring; 0: none is open
	gave    bool                // something was given back
	err     error               // why the stream ended
}

// Receive implements bus.Driver.
func (b *Bus) Receive(ctx context.Context, from bus.Receive) (bus.Stream, error) {
	b.moving.RLock()
	defer b.moving.RUnlock()
	name := bus.SubscriptionName{Topic: from.Topic, Name: from.Subscription}
	c, err := b.find(ctx, name)
	if err != nil {
		return nil, err
	}
	s := &stream{
		bus: b, name: name, consumer: c.CachedInfo().Name, inbox: b.conn.NewInbox(),
		arrived: make(chan struct{}, 1), held: map[string]struct{}{}, silence: time.NewTimer(2 * heartbeat),
	}
	if from.Ordered || from.Sequence {
		s.holder = b.newHolder(s.name, from.Ordered)
	}
	if s.sub, err = b.conn.Subscribe(s.inbox+".*", s.take); err != nil {
		return nil, fmt.Errorf("subscription %q: %w", from.Subscription, err)
	}
	_ = s.sub.SetPendingLimits(-1, -1) // bounded by what was asked for
	b.register(s)
	return s, nil
}

func (b *Bus) register(s *stream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.streams[s.name] == nil {
		b.streams[s.name] = map[*stream]struct{}{}
	}
	b.streams[s.name][s] = struct{}{}
}

func (b *Bus) unregister(s *stream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.streams[s.name], s)
	if len(b.streams[s.name]) == 0 {
		delete(b.streams, s.name)
	}
}

// Next implements bus.Stream.
func (s *stream) Next(ctx context.Context, most int) ([]*bus.Message, error) {
	if s.holder != nil {
		if err := s.holder.acquire(ctx); err != nil {
			return nil, err
		}
		s.consumer = s.holder.consumer
	}
	for {
		batch, err := s.ready(most)
		if len(batch) > 0 || err != nil {
			return batch, err
		}
		select {
		case <-s.arrived:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.silence.C:
			s.end(errors.New("the server is silent"))
		case <-s.holder.lost():
			s.end(errors.New("another receiver took over"))
		}
	}
}

// ready returns what has come, or sees to it that something comes.
func (s *stream) ready(most int) ([]*bus.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	if n := min(most, len(s.buffer)); n > 0 {
		batch := s.buffer[:n:n]
		s.buffer = s.buffer[n:]
		return batch, nil
	}
	if s.asked == 0 {
		return nil, s.ask(most)
	}
	return nil, nil
}

// ask opens a request. Under mu.
func (s *stream) ask(most int) error {
	body, err := json.Marshal(map[string]any{"batch": most, "expires": pullExpires, "idle_heartbeat": heartbeat})
	if err != nil {
		return err
	}
	s.request++
	s.asked = most
	s.silence.Reset(2 * heartbeat)
	return s.bus.conn.PublishRequest(s.next(), s.replyTo(), body)
}

func (s *stream) replyTo() string { return fmt.Sprintf("%s.%d", s.inbox, s.request) }

// take is called for everything that arrives on the inbox, in order.
func (s *stream) take(msg *nats.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silence.Reset(2 * heartbeat)
	if status := msg.Header.Get("Status"); status != "" && len(msg.Data) == 0 && msg.Reply == "" {
		if status != "100" && msg.Subject == s.replyTo() {
			s.closeRequest(status, msg.Header.Get("Description"))
		}
	} else {
		s.deliver(msg)
	}
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// closeRequest takes the server's word that a request brings nothing more. Under
// mu.
func (s *stream) closeRequest(status, description string) {
	s.asked = 0
	switch status {
	case "404", "408": // nothing came in time
	case "409":
		switch description {
		case "Consumer Deleted":
			s.err = s.bus.deleted(s.name)
		case "Message Size Exceeds MaxBytes", "Exceeded MaxWaiting", "Exceeded MaxAckPending":
		default:
			s.err = fmt.Errorf("subscription %q: server: %s", s.name.Name, description)
		}
	case "503":
		s.err = s.bus.deleted(s.name)
	default:
		s.err = fmt.Errorf("subscription %q: server: %s %s", s.name.Name, status, description)
	}
}

// deleted says why a consumer is not there: a Seek makes another one before it
// deletes it.
func (b *Bus) deleted(name bus.SubscriptionName) error {
	return &deletedError{b, name}
}

// deletedError asks only when it is looked at: the asking takes the connection
// that the news came by.
type deletedError struct {
	bus  *Bus
	name bus.SubscriptionName
}

func (e *deletedError) Error() string {
	return fmt.Sprintf("subscription %q is not there", e.name.Name)
}

func (e *deletedError) Is(target error) bool {
	if target != bus.ErrMoved && target != bus.ErrNotFound {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), apiTimeout)
	defer cancel()
	_, err := e.bus.find(ctx, e.name)
	return (err == nil) == (target == bus.ErrMoved)
}

// deliver buffers a message. Under mu.
func (s *stream) deliver(msg *nats.Msg) {
	meta, err := msg.Metadata()
	if err != nil {
		s.err = fmt.Errorf("subscription %q: %w", s.name.Name, err)
		return
	}
	s.asked = max(0, s.asked-1)
	m := fromNATS(msg.Header, msg.Data)
	m.Position, m.Published, m.Receipt, m.Lost = position(meta.Sequence.Stream), meta.Timestamp, msg.Reply, s.holder.lost()
	s.held[msg.Reply], s.last = struct{}{}, msg.Reply
	s.buffer = append(s.buffer, m)
}

// end ends the stream from within.
func (s *stream) end(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = why
	}
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// The words a receiver says to a message's reply subject.
var (
	sayDone     = []byte("+ACK")
	sayBack     = []byte("-NAK")
	sayStillOur = []byte("+WPI")
)

// Settle implements bus.Stream.
func (s *stream) Settle(_ context.Context, m *bus.Message, done bool) error {
	reply := m.Receipt.(string)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if _, held := s.held[reply]; !held {
		return nil
	}
	delete(s.held, reply)
	if done {
		return s.bus.conn.Publish(reply, sayDone)
	}
	s.gave = true
	return s.bus.conn.Publish(reply, sayBack)
}

// renewAll keeps the leases of what is held by any stream.
func (b *Bus) renewAll(ctx context.Context) {
	tick := time.NewTicker(b.lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, s := range b.open() {
			s.renew()
		}
	}
}

// open are all streams.
func (b *Bus) open() (all []*stream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, of := range b.streams {
		all = slices.AppendSeq(all, maps.Keys(of))
	}
	return all
}

// renew keeps the leases of what the stream holds.
func (s *stream) renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	for reply := range s.held {
		_ = s.bus.conn.Publish(reply, sayStillOur) // a lost connection ends the lease anyway
	}
}

// Close implements bus.Stream.
func (s *stream) Close() error {
	s.bus.unregister(s)
	s.look(func() bool { return s.gave })
	s.drainInbox()
	s.look(func() bool { return len(s.held) > 0 })
	s.mu.Lock()
	if s.err == nil {
		s.err = bus.ErrClosed
		for reply := range s.held {
			_ = s.bus.conn.Publish(reply, sayBack) // without it the lease ends
		}
	}
	last := s.last
	s.mu.Unlock()
	err := s.heard(last)
	if s.holder != nil {
		s.holder.release()
	}
	if s.bus.conn.IsClosed() || !s.bus.conn.IsConnected() {
		return nil // then nothing is held either
	}
	return err
}

// look has the server look at the requests that it has, if one of ours is open and
// it is needed. Servers before 2.10 spend what is given back on requests whom nobody
// listens for any more, and bring it again when the lease has ended. So what was
// given back must have come to who it comes to before this stream is deaf, and be
// given back after the server knows that it is. It looks when the next request
// comes: one that no message fits into.
func (s *stream) look(needed func() bool) {
	s.mu.Lock()
	do := s.err == nil && s.asked > 0 && needed()
	s.mu.Unlock()
	if !do {
		return
	}
	body, err := json.Marshal(map[string]any{"batch": 1, "max_bytes": 1, "expires": lookIn})
	if err == nil {
		_, _ = s.bus.conn.Request(s.next(), body, closeWait) // whatever it says, it has looked
	}
}

// next is where the server takes requests for messages.
func (s *stream) next() string {
	return "$JS.API.CONSUMER.MSG.NEXT." + streamOf(s.name.Topic) + "." + s.consumer
}

// heard waits until the server has taken in all that was said of messages. It
// takes the words to a consumer in turn, but not at once: one that it answers
// comes after all others. Without it a server that ends now would forget them.
func (s *stream) heard(last string) error {
	if last == "" {
		return s.bus.conn.FlushTimeout(closeWait)
	}
	_, err := s.bus.conn.Request(last, sayStillOur, closeWait)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil // the consumer is gone, and what was said with it
	}
	return err
}

// drainInbox takes what the server has sent already.
func (s *stream) drainInbox() {
	closed := make(chan struct{})
	s.sub.SetClosedHandler(func(string) { close(closed) })
	if s.sub.Drain() != nil {
		return
	}
	select {
	case <-closed:
	case <-time.After(closeWait):
	}
}
