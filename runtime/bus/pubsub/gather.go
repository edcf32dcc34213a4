package pubsub

import (
	"context"
	"sync"
)

const maxIDs = 1000 // of one request, which Pub/Sub bounds to 512 KiB

// gather sends together what callers ask for at the same time; no one waits for
// company.
type gather struct {
	send func(ctx context.Context, ids []string) error

	mu      sync.Mutex // guards what follows
	pending []asked
	busy    bool
}

type asked struct {
	id   string
	done chan error
}

// do returns when the id was sent.
func (g *gather) do(ctx context.Context, id string) error {
	a := asked{id, make(chan error, 1)}
	g.mu.Lock()
	g.pending = append(g.pending, a)
	if !g.busy {
		g.busy = true
		go g.run()
	}
	g.mu.Unlock()
	select {
	case err := <-a.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (g *gather) run() {
	for {
		calls := g.take()
		if len(calls) == 0 {
			return
		}
		ids := make([]string, len(calls))
		for i, c := range calls {
			ids[i] = c.id
		}
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		err := g.send(ctx, ids)
		cancel()
		for _, c := range calls {
			c.done <- err
		}
	}
}

func (g *gather) take() []asked {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.pending), maxIDs)
	calls := g.pending[:n:n]
	g.pending = g.pending[n:]
	g.busy = n > 0
	return calls
}
