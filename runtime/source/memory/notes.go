package memory

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// every is how often notes are written down. What happens between the last
	// time and a crash is done again.
	every = time.Second
	// within bounds one writing, and the last one when the source ends.
	within = 5 * time.Second
)

// Memory is where notes are written down.
type Memory interface {
	Recall(ctx context.Context) (map[string]string, error)
	Remember(ctx context.Context, values map[string]string) error
}

// Notes are taken at any rate and written down now and then. They are safe for
// concurrent use.
type Notes struct {
	memory Memory
	log    *slog.Logger

	mu    sync.Mutex // guards what follows
	fresh map[string]string
	last  map[string]string
	taken chan struct{}
}

// Open recalls what was written down; a nil memory forgets.
func Open(ctx context.Context, m Memory, log *slog.Logger) (*Notes, error) {
	n := &Notes{memory: m, log: log, taken: make(chan struct{}, 1)}
	if m == nil {
		return n, nil
	}
	var err error
	n.last, err = m.Recall(ctx)
	return n, err
}

// Last is what was written down before; "" is nothing.
func (n *Notes) Last(name string) string { return n.last[name] }

// Take notes a value.
func (n *Notes) Take(name, value string) {
	if n.memory == nil {
		return
	}
	n.mu.Lock()
	if n.fresh == nil {
		n.fresh = map[string]string{}
	}
	n.fresh[name] = value
	n.mu.Unlock()
	select {
	case n.taken <- struct{}{}:
	default:
	}
}

// Run writes notes down until ctx ends, and what is left of them then.
func (n *Notes) Run(ctx context.Context) error {
	for {
		select {
		case <-n.taken:
			n.write(ctx)
		case <-ctx.Done():
			n.write(context.WithoutCancel(ctx))
			return nil
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
		}
	}
}

// write writes the fresh ones. What could not be written is fresh again, unless
// it was noted anew.
func (n *Notes) write(ctx context.Context) {
	n.mu.Lock()
	fresh := n.fresh
	n.fresh = nil
	n.mu.Unlock()
	if len(fresh) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := n.memory.Remember(ctx, fresh)
	if err == nil {
		return
	}
	n.log.Warn("not written down how far the source is, is tried again", "error", err)
	n.mu.Lock()
	for name, value := range n.fresh {
		fresh[name] = value
	}
	n.fresh = fresh
	n.mu.Unlock()
	select {
	case n.taken <- struct{}{}:
	default:
	}
}
