package post

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/runtime/wire"
)

// errStale is a connection that was closed before a byte of the answer came.
var errStale = errors.New("the connection was closed without an answer")

// restAfter is how long a connection may be idle before it is asked whether it is
// still open and silent. One that is used again sooner has hardly had the time,
// and what comes right behind an answer is seen there.
const restAfter = 50 * time.Millisecond

// pool is the idle connections to one address.
type pool struct {
	cfg     *Config
	address string

	mu     sync.Mutex  // guards what follows
	idle   []*conn     // the warmest last
	reaper *time.Timer // nil where nothing is idle
}

// conn is one connection. One exchange uses it at a time, in the caller's
// goroutine.
type conn struct {
	pool  *pool
	nc    net.Conn
	probe *wire.Probe
	br    *bufio.Reader
	out   []byte // scratch for the request
	used  bool
	since time.Time // idle since
	rests bool      // was idle for long enough that the other side may have spoken
	// The context that ends what goes over the connection: it stays from one
	// exchange to the next, for most have the same.
	watched <-chan struct{}
	unwatch func() bool // nil: none
}

func (p *pool) get(ctx context.Context, deadline time.Time) (*conn, error) {
	if c := p.pop(time.Now()); c != nil {
		return c, nil
	}
	if !deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	nc, err := p.cfg.Dial(ctx, "tcp", p.address)
	if err != nil {
		return nil, err
	}
	return &conn{pool: p, nc: nc, probe: wire.NewProbe(nc), br: bufio.NewReaderSize(nc, 2048)}, nil
}

// pop takes the warmest connection; if that is too old, so are all.
func (p *pool) pop(now time.Time) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	c := p.idle[n-1]
	if now.Sub(c.since) > p.cfg.IdleTimeout {
		p.drop()
		return nil
	}
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	c.rests = now.Sub(c.since) > restAfter
	return c
}

// put keeps a connection for the next exchange.
func (p *pool) put(c *conn, now time.Time) {
	c.used, c.since = true, now
	if cap(c.out) > 64<<10 {
		c.out = nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) >= p.cfg.MaxIdle {
		c.close()
		return
	}
	p.idle = append(p.idle, c)
	if p.reaper == nil {
		p.reaper = time.AfterFunc(p.cfg.IdleTimeout, p.reap)
	}
}

// reap ends the connections that have been idle for too long: nobody else may
// come for them, nor for those that the other side has closed.
func (p *pool) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, n := time.Now(), 0
	for n < len(p.idle) && now.Sub(p.idle[n].since) >= p.cfg.IdleTimeout {
		p.idle[n].close()
		n++
	}
	p.idle = slices.Delete(p.idle, 0, n)
	switch {
	case p.reaper == nil: // dropped meanwhile
	case len(p.idle) > 0:
		p.reaper.Reset(p.idle[0].since.Add(p.cfg.IdleTimeout).Sub(now))
	default:
		p.reaper = nil
	}
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop()
}

// drop ends all idle connections. Under mu.
func (p *pool) drop() {
	for _, c := range p.idle {
		c.close()
	}
	p.idle = nil
	if p.reaper != nil {
		p.reaper.Stop()
		p.reaper = nil
	}
}

var longAgo = time.Unix(1, 0)

// close ends the connection.
func (c *conn) close() {
	if c.unwatch != nil {
		c.unwatch()
	}
	_ = c.nc.Close()
}

// watch has ctx end what is going on; false is a connection that an earlier
// context has ended.
func (c *conn) watch(ctx context.Context) bool {
	done := ctx.Done()
	if done == c.watched {
		return true
	}
	if c.unwatch != nil && !c.unwatch() {
		return false
	}
	c.watched, c.unwatch = done, nil
	if done != nil {
		c.unwatch = context.AfterFunc(ctx, func() { _ = c.nc.SetDeadline(longAgo) })
	}
	return true
}

// exchange sends the event, reads the answer, and keeps or ends the connection.
func (c *conn) exchange(ctx context.Context, deadline time.Time, t *Target, e *cloudevents.Event, format string) (Answer, error) {
	if !c.watch(ctx) {
		c.close()
		return Answer{}, errStale
	}
	_ = c.nc.SetDeadline(deadline)
	if ctx.Err() != nil { // then what watches may have been before us
		c.close()
		return Answer{}, context.Cause(ctx)
	}
	if c.rests && !c.probe.Silent() {
		c.close()
		return Answer{}, errStale
	}
	answer, keep, err := c.talk(t, e, format)
	if err == nil && keep && ctx.Err() == nil {
		c.pool.put(c, time.Now())
	} else {
		c.close()
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case isTimeout(err):
		err = context.DeadlineExceeded
	}
	return answer, err
}

func isTimeout(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

func (c *conn) talk(t *Target, e *cloudevents.Event, format string) (Answer, bool, error) {
	c.out = appendRequest(append(c.out[:0], t.head...), e, format)
	if _, err := c.nc.Write(c.out); err != nil {
		return c.early(t, err)
	}
	if _, err := c.br.Peek(1); err != nil {
		return Answer{}, false, stale(err)
	}
	if status := c.plain(); status != 0 {
		return Answer{Status: status}, c.br.Buffered() == 0, nil
	}
	return c.read(t)
}

// early reads what the other side answered before it had read everything, and closed.
// On a connection that was idle a 408 is its farewell, and no answer.
func (c *conn) early(t *Target, failed error) (Answer, bool, error) {
	if isTimeout(failed) {
		return Answer{}, false, failed
	}
	if _, err := c.br.Peek(1); err != nil {
		return Answer{}, false, stale(failed)
	}
	answer, _, err := c.read(t)
	if c.used && answer.Status == http.StatusRequestTimeout {
		err = errStale
	}
	return answer, false, err
}

// stale tells a connection that the other side has closed from other errors.
func stale(err error) error {
	if isTimeout(err) {
		return err
	}
	return errStale
}

var asked = &http.Request{Method: http.MethodPost}

// read reads the final answer.
func (c *conn) read(t *Target) (Answer, bool, error) {
	for {
		resp, err := http.ReadResponse(c.br, asked)
		if err != nil {
			return Answer{}, false, fmt.Errorf("the answer is not HTTP, or broke off: %w", err)
		}
		if resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		a, err := readAnswer(resp, t.client.cfg.MaxAnswer)
		return a, !resp.Close && resp.StatusCode >= 200 && c.br.Buffered() == 0, err
	}
}

func readAnswer(resp *http.Response, limit int64) (Answer, error) {
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	if resp.ContentLength == 0 {
		return a, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return a, fmt.Errorf("the answer broke off: %w", err)
	}
	a.Body = body
	if int64(len(body)) > limit {
		a.Body = body[:limit]
		return a, fmt.Errorf("%w: its body has more than %d bytes", ErrAnswerTooLarge, limit)
	}
	return a, nil
}

// appendRequest appends the headers and the body of an event.
func appendRequest(b []byte, e *cloudevents.Event, format string) []byte {
	if v := trace(e, "traceparent"); v != "" {
		b = append(append(append(b, "traceparent: "...), v...), "\r\n"...)
	}
	if v := trace(e, "tracestate"); v != "" {
		b = append(append(append(b, "tracestate: "...), v...), "\r\n"...)
	}
	if structured(e, format) {
		body := e.AppendJSON(make([]byte, 0, 512+len(e.Data)))
		b = append(b, "content-type: "+cloudevents.MediaTypeJSON+"\r\ncontent-length: "...)
		return append(append(strconv.AppendInt(b, int64(len(body)), 10), "\r\n\r\n"...), body...)
	}
	b = append(e.AppendHeaders(b), "content-length: "...)
	return append(append(strconv.AppendInt(b, int64(len(e.Data)), 10), "\r\n\r\n"...), e.Data...)
}
