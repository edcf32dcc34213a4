package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// linger is how long the second direction of an upgraded connection may stay
// open after the first has ended.
const linger = 30 * time.Second

// tunnels are the upgraded connections that are open. net/http forgets them
// when they are taken over, so that somebody has to know them at the end.
type tunnels struct {
	mu   sync.Mutex // guards open and idle
	open map[*tunnel]struct{}
	idle chan struct{} // closed when the last one ends; nil unless somebody waits
}

// tunnel is one upgraded connection: client and pod, each talking when it likes.
type tunnel struct {
	client, pod net.Conn
	idle        time.Duration
	stirred     sync.Mutex // serializes the moving of deadlines
}

func (s *tunnels) add(t *tunnel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*tunnel]struct{}{}
	}
	s.open[t] = struct{}{}
}

func (s *tunnels) remove(t *tunnel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, t)
	if len(s.open) == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

// Drain waits until no upgraded connection (WebSocket) is open. When ctx ends
// first, it closes those that are left and waits for their ends.
func (p *Proxy) Drain(ctx context.Context) {
	s := &p.tunnels
	s.mu.Lock()
	if len(s.open) == 0 {
		s.mu.Unlock()
		return
	}
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	s.mu.Unlock()
	select {
	case <-idle:
		return
	case <-ctx.Done():
	}
	s.mu.Lock()
	for t := range s.open {
		t.close()
	}
	s.mu.Unlock()
	<-idle
}

// tunnel takes the client's connection over after the app agreed to switch
// protocols, and passes bytes both ways until both are done.
func (x *exchange) tunnel(s string) error {
	asked := upgradeAsked(x.r)
	h := http.Header{}
	got, err := parseHead(s, x.r.Method, h)
	if err != nil {
		return &Error{Text: textBadAnswer, Err: err}
	}
	if asked == "" || !strings.EqualFold(asked, got.upgrade) {
		return &Error{Text: textBadAnswer, Err: errors.New("the app switches to " + got.upgrade + ", which was not asked for")}
	}
	client, brw, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return &Error{Status: http.StatusNotImplemented, Text: "this connection cannot be upgraded", Err: err}
	}
	defer client.Close()
	x.status = http.StatusSwitchingProtocols
	if !x.stop() {
		return ErrClientGone
	}
	x.c.deadline(time.Time{})
	_ = client.SetDeadline(time.Time{})
	delete(h, "Content-Type") // the nil one
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", got.upgrade)
	// Known before the client hears of it: a Drain from then on waits for it.
	t := &tunnel{client: client, pod: x.c.nc, idle: x.t.Idle}
	x.p.tunnels.add(t)
	defer x.p.tunnels.remove(t)
	if err := writeSwitch(client, h, x.c); err != nil {
		return ErrClientGone
	}
	t.run(brw.Reader, x.p)
	return nil
}

// writeSwitch tells the client, together with what the app has said already.
func writeSwitch(client net.Conn, h http.Header, c *conn) error {
	b := []byte("HTTP/1.1 101 Switching Protocols\r\n")
	for key, values := range h {
		for _, v := range values {
			b = appendField(b, key, v)
		}
	}
	b = append(b, "\r\n"...)
	early, _ := c.br.Peek(c.br.Buffered())
	_, err := client.Write(append(b, early...))
	return err
}

// run passes bytes both ways. When one side is done sending, the other is told
// so and may finish; then both are closed.
func (t *tunnel) run(fromClient io.Reader, p *Proxy) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.pipe(t.pod, fromClient, t.client, p)
	}()
	t.pipe(t.client, t.pod, t.pod, p)
	<-done
	t.close()
}

// pipe copies from src (which reads from) to dst until src ends.
func (t *tunnel) pipe(dst net.Conn, src io.Reader, from net.Conn, p *Proxy) {
	var err error
	if t.idle == 0 && src == io.Reader(from) {
		_, err = io.Copy(dst, src) // the kernel moves the bytes
	} else {
		err = t.pump(dst, src, p)
	}
	if half, ok := dst.(interface{ CloseWrite() error }); ok && err == nil && half.CloseWrite() == nil {
		_ = dst.SetReadDeadline(time.Now().Add(linger))
		return
	}
	t.close()
}

// pump copies by hand: for the idle timer, which any byte in any direction restarts.
func (t *tunnel) pump(dst io.Writer, src io.Reader, p *Proxy) error {
	buf := p.buffers.Get().(*[]byte)
	defer p.buffers.Put(buf)
	for {
		t.stir()
		n, err := src.Read(*buf)
		if n > 0 {
			t.stir()
			if _, werr := dst.Write((*buf)[:n]); werr != nil {
				return werr
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// stir restarts the idle timer of both sides.
func (t *tunnel) stir() {
	if t.idle == 0 {
		return
	}
	t.stirred.Lock()
	defer t.stirred.Unlock()
	d := time.Now().Add(t.idle)
	_ = t.client.SetDeadline(d)
	_ = t.pod.SetDeadline(d)
}

func (t *tunnel) close() {
	_ = t.client.Close()
	_ = t.pod.Close()
}
