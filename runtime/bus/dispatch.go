package bus

import (
	"context"
	"sync"
	"time"
)

// dispatch is one session of a subscription: it holds the messages of one
// stream, and decides who is handled when.
type dispatch struct {
	sub     *Subscription
	stream  Stream
	handler Handler
	carried map[string]int // attempts of messages that an earlier stream lost

	ctx    context.Context // the handlers'
	cancel context.CancelFunc
	begins context.Context // of what waits to begin: ended by stop
	cease  context.CancelFunc
	work   sync.WaitGroup // workers

	mu       sync.Mutex // guards what follows
	held     int
	running  int
	ready    []*task
	lanes    map[string]*lane
	sleeping map[*task]*time.Timer
	closing  bool
	lost     map[string]int // attempts of what is given back
	freed    chan struct{}  // has room: capacity 1
}

// task is a message on its way.
type task struct {
	message *Message
	lane    *lane  // nil: no order
	attempt int    // calls of the handler up to now
	dead    *death // it is to be buried, not handled
}

type death struct{ err error }

// lane is a key: its first task is being handled, the others wait.
type lane struct {
	key     string
	waiting []*task
}

func newDispatch(s *Subscription, stream Stream, h Handler, carried map[string]int) *dispatch {
	d := &dispatch{
		sub: s, stream: stream, handler: h, carried: carried,
		lanes: map[string]*lane{}, sleeping: map[*task]*time.Timer{}, lost: map[string]int{}, freed: make(chan struct{}, 1),
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.begins, d.cease = context.WithCancel(d.ctx)
	return d
}

// pump fetches as long as there is room.
func (d *dispatch) pump(ctx context.Context) error {
	for {
		room, err := d.room(ctx)
		if err != nil {
			return err
		}
		batch, err := d.stream.Next(ctx, room)
		if err != nil {
			return err
		}
		d.add(batch)
	}
}

func (d *dispatch) room(ctx context.Context) (int, error) {
	for {
		d.mu.Lock()
		room := d.sub.policy.Window - d.held
		d.mu.Unlock()
		if room > 0 {
			return room, nil
		}
		select {
		case <-d.freed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// add puts messages in line.
func (d *dispatch) add(batch []*Message) {
	d.sub.stats.received.Add(int64(len(batch)))
	for _, m := range batch {
		if d.skip(m) {
			d.settle(m, true)
			continue
		}
		d.mu.Lock()
		d.held++
		d.sub.stats.held.Add(1)
		d.enter(&task{message: m, attempt: d.carried[m.Position]})
		d.mu.Unlock()
	}
}

// skip says whether a message is done without being handled.
func (d *dispatch) skip(m *Message) bool {
	if target := m.Header(HeaderFor); target != "" && target != d.sub.cfg.Name {
		d.sub.stats.others.Add(1)
		return true
	}
	// A redriven message is another copy on purpose.
	if d.sub.seen != nil && m.Header(HeaderFor) == "" && d.sub.seen.remember(m, time.Now()) {
		d.sub.stats.duplicates.Add(1)
		return true
	}
	return false
}

// enter makes a task ready, or lets it wait for those of its key. Under mu.
func (d *dispatch) enter(t *task) {
	if d.sub.policy.Ordered {
		if key := d.sub.policy.OrderBy(t.message); key != "" {
			l := d.lanes[key]
			if l != nil {
				t.lane = l
				l.waiting = append(l.waiting, t)
				return
			}
			t.lane = &lane{key: key}
			d.lanes[key] = t.lane
		}
	}
	d.offer(t)
}

// offer hands a task to a worker, and starts one where there may be one more.
// Under mu.
func (d *dispatch) offer(t *task) {
	d.ready = append(d.ready, t)
	if d.running < d.sub.policy.Concurrency && !d.closing {
		d.running++
		d.work.Add(1)
		go d.serve()
	}
}

// serve handles tasks until none is ready.
func (d *dispatch) serve() {
	defer d.work.Done()
	for {
		d.mu.Lock()
		if len(d.ready) == 0 || d.closing {
			d.running--
			d.mu.Unlock()
			return
		}
		t := d.ready[0]
		d.ready[0] = nil
		d.ready = d.ready[1:]
		d.mu.Unlock()
		d.run(t)
	}
}

// leave takes a settled task out and lets the next of its key in.
func (d *dispatch) leave(t *task) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held--
	d.sub.stats.held.Add(-1)
	if l := t.lane; l != nil {
		if len(l.waiting) == 0 {
			delete(d.lanes, l.key)
		} else {
			next := l.waiting[0]
			l.waiting[0] = nil
			l.waiting = l.waiting[1:]
			d.offer(next)
		}
	}
	select {
	case d.freed <- struct{}{}:
	default:
	}
}
