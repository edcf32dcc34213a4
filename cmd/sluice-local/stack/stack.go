package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Component is one thing that runs.
type Component struct {
	// Name is for logs and errors.
	Name string
	// Run works until ctx is done and then returns once everything it started
	// is gone. What it returns after ctx is done is not an error.
	Run func(ctx context.Context) error
	// Grace is how long Run may take to return once told to; the stack goes on
	// without it afterwards. Default 3 seconds.
	Grace time.Duration
}

// Stack is a pile of running components. Use New; not safe for concurrent use.
type Stack struct {
	log     *slog.Logger
	running []*floor
	fall    func(error)
}

type floor struct {
	Component
	cancel context.CancelFunc
	gone   chan struct{}
}

// New returns an empty stack. fall is called, from any goroutine, for each
// component that ends before it is told to.
func New(log *slog.Logger, fall func(error)) *Stack {
	return &Stack{log: log, fall: fall}
}

// Push starts a component on top. It is not stopped by ctx's end, only by
// Unwind; ctx's values are passed on.
func (s *Stack) Push(ctx context.Context, c Component) {
	if c.Grace == 0 {
		c.Grace = 3 * time.Second
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &floor{Component: c, cancel: cancel, gone: make(chan struct{})}
	s.running = append(s.running, f)
	go func() {
		defer close(f.gone)
		err := c.Run(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("ended by itself")
		}
		s.fall(fmt.Errorf("%s: %w", c.Name, err))
	}()
}

// Unwind stops everything, top first.
func (s *Stack) Unwind() {
	for len(s.running) > 0 {
		f := s.running[len(s.running)-1]
		s.running = s.running[:len(s.running)-1]
		s.stop(f)
	}
}

func (s *Stack) stop(f *floor) {
	start := time.Now()
	f.cancel()
	patience := time.NewTimer(f.Grace)
	defer patience.Stop()
	select {
	case <-f.gone:
		s.log.Info("stopped", "component", f.Name, "took", time.Since(start))
	case <-patience.C:
		s.log.Warn("did not stop in time", "component", f.Name, "grace", f.Grace)
	}
}
