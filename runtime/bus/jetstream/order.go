package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// Holders of subscriptions that only one stream may have are noted in a key-value bucket, by
// subscription; an entry that is not renewed is gone after holderTTL.
const (
	holdersBucket = "sluice_holders"
	holderTTL     = 10 * time.Second
)

// holder is a stream's right to be the only one of a subscription.
type holder struct {
	bus      *Bus
	name     bus.SubscriptionName
	key      string
	ordered  bool // what is not settled comes first, whatever was settled after it
	bucket   jetstream.KeyValue
	revision uint64
	held     bool
	consumer string        // where it goes on; empty before it does
	gone     chan struct{} // closed when it was lost
	once     sync.Once     // closes gone
	stop     context.CancelFunc
	stopped  chan struct{}
}

func (b *Bus) newHolder(name bus.SubscriptionName, ordered bool) *holder {
	return &holder{bus: b, name: name, ordered: ordered, key: token(name.Topic) + "/" + token(name.Name), gone: make(chan struct{})}
}

// lost is closed when the right is; never for one that is nil.
func (h *holder) lost() <-chan struct{} {
	if h == nil {
		return nil
	}
	return h.gone
}

// lose says that another receiver has the right, or may have it soon.
func (h *holder) lose() { h.once.Do(func() { close(h.gone) }) }

// acquire waits until no other receiver has the subscription, then starts it at
// its place anew: what the last one left unsettled comes first, in order.
func (h *holder) acquire(ctx context.Context) error {
	if h.consumer != "" {
		return nil
	}
	if err := h.claim(ctx); err != nil {
		return err
	}
	c, err := h.bus.rewind(ctx, h.name, h.ordered)
	if err != nil {
		return err
	}
	h.consumer = c.CachedInfo().Name
	return nil
}

// claim makes the entry, as soon as there is none.
func (h *holder) claim(ctx context.Context) error {
	if h.held {
		return nil
	}
	if err := h.open(ctx); err != nil {
		return err
	}
	for {
		revision, err := h.create(ctx)
		if err == nil {
			h.revision = revision
			break
		}
		if !errors.Is(err, jetstream.ErrKeyExists) {
			return fmt.Errorf("subscription %q: %w", h.name.Name, err)
		}
		if err := h.wait(ctx); err != nil {
			return err
		}
	}
	h.held = true
	keep, cancel := context.WithCancel(context.Background())
	h.stop, h.stopped = cancel, make(chan struct{})
	go h.keep(keep)
	return nil
}

// create waits for the answer even if nobody wants the right any more: an entry
// that was made unheard would keep everybody out for as long as it lasts.
func (h *holder) create(ctx context.Context) (revision uint64, err error) {
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), apiTimeout)
	defer cancel()
	alive, err := h.bus.alive()
	if err != nil {
		return 0, err
	}
	return h.bucket.Create(ctx, h.key, alive)
}

func (h *holder) open(ctx context.Context) (err error) {
	if h.bucket != nil {
		return nil
	}
	h.bucket, err = h.bus.holders(ctx)
	return err
}

func (b *Bus) holders(ctx context.Context) (jetstream.KeyValue, error) {
	kv, err := b.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: holdersBucket, TTL: holderTTL, Storage: jetstream.MemoryStorage})
	if err != nil {
		return nil, fmt.Errorf("holders of ordered subscriptions: %w", err)
	}
	return kv, nil
}

// forgetHolders is called by who has just started the server: no one else can
// hold anything.
func (b *Bus) forgetHolders() error {
	ctx, cancel := context.WithTimeout(context.Background(), apiTimeout)
	defer cancel()
	if err := b.js.DeleteKeyValue(ctx, holdersBucket); err != nil && !errors.Is(err, jetstream.ErrBucketNotFound) {
		return fmt.Errorf("jetstream: %w", err)
	}
	return nil
}

// wait returns when the entry is gone, or may be. The entry of one who is not
// there any more it removes.
func (h *holder) wait(ctx context.Context) error {
	w, err := h.bucket.Watch(ctx, h.key)
	if err != nil {
		return fmt.Errorf("subscription %q: %w", h.name.Name, err)
	}
	defer func() { _ = w.Stop() }()
	expired := time.NewTicker(holderTTL / 2) // an entry that ends by its age is not told of
	defer expired.Stop()
	ask := time.NewTicker(askEvery)
	defer ask.Stop()
	var last jetstream.KeyValueEntry
	for away := 0; ; {
		select {
		case entry, open := <-w.Updates():
			if !open || entry != nil && entry.Operation() != jetstream.KeyValuePut {
				return nil
			}
			if entry != nil {
				last, away = entry, 0
			}
		case <-ask.C:
			if last == nil || !h.bus.isAway(ctx, last) {
				away = 0
			} else if away++; away == askTimes {
				_ = h.bucket.Delete(ctx, h.key, jetstream.LastRevision(last.Revision())) // else another one was faster
				return nil
			}
		case <-expired.C:
			if _, err := h.bucket.Get(ctx, h.key); err != nil {
				return nil // gone, or Create knows better what is wrong
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// keep renews the entry.
func (h *holder) keep(ctx context.Context) {
	defer close(h.stopped)
	tick := time.NewTicker(holderTTL / 4)
	defer tick.Stop()
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		alive, err := h.bus.alive()
		revision := h.revision
		if err == nil {
			revision, err = h.bucket.Update(ctx, h.key, alive, h.revision)
		}
		if err == nil {
			h.revision, renewed = revision, time.Now()
			continue
		}
		api := (*jetstream.APIError)(nil)
		if errors.As(err, &api) || time.Since(renewed) > holderTTL*3/4 {
			h.lose()
			return
		}
	}
}

// release lets the next one in.
func (h *holder) release() {
	if !h.held {
		return
	}
	h.stop()
	<-h.stopped
	ctx, cancel := context.WithTimeout(context.Background(), closeWait)
	defer cancel()
	_ = h.bucket.Delete(ctx, h.key, jetstream.LastRevision(h.revision)) // without it the entry ends by its age
}

// rewind makes a subscription that no one receives from go on at the first
// message that is not settled. Nothing to do where nothing was delivered beyond;
// and, if not always, where something beyond was settled, for that would come
// again.
func (b *Bus) rewind(ctx context.Context, name bus.SubscriptionName, always bool) (jetstream.Consumer, error) {
	c, err := b.find(ctx, name)
	if err != nil {
		return nil, err
	}
	info := c.CachedInfo()
	if info.NumAckPending == 0 || !always && !inOneRow(info) {
		return c, nil
	}
	return b.move(ctx, name, c, placeOf(info))
}

// inOneRow tells whether nothing was settled after what is not.
func inOneRow(c *jetstream.ConsumerInfo) bool {
	held := uint64(c.NumAckPending)
	return held == c.Delivered.Consumer-c.AckFloor.Consumer || c.AckFloor.Stream > 0 && held == c.Delivered.Stream-c.AckFloor.Stream
}

// placeOf is where a consumer goes on. One that has settled nothing has no floor
// yet: it goes on where it began.
func placeOf(c *jetstream.ConsumerInfo) bus.Point {
	switch {
	case c.AckFloor.Stream > 0:
		return bus.From(position(c.AckFloor.Stream + 1))
	case c.Config.OptStartSeq > 0:
		return bus.From(position(c.Config.OptStartSeq))
	case c.Config.OptStartTime != nil:
		return bus.Since(*c.Config.OptStartTime)
	}
	return bus.Earliest()
}
