package inlet

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// bufferBytes is what a connection reads at once, and the longest head of a
// plain request.
const bufferBytes = 4 << 10

// conn is one connection, in one goroutine.
type conn struct {
	server     *Server
	nc         net.Conn
	buf        []byte
	start, end int // what of buf is not used yet
	head       head
	out        []byte
	deadline   time.Time
	busy       atomic.Bool // a request has begun
}

// serve takes requests until the connection ends or is passed on.
func (c *conn) serve() {
	for c.await() {
		c.busy.Store(true)
		if !c.head.parse(c.buf[c.start:c.end]) || c.head.length > c.server.cfg.MaxBody {
			c.pass()
			return
		}
		take := c.server.cfg.Find(c.head.host, c.head.path)
		if take == nil {
			c.pass()
			return
		}
		body, err := c.body()
		if err != nil {
			break
		}
		if !c.answer(take(c.server.ctx, c.head.header, body)) {
			break
		}
		c.busy.Store(false)
	}
	_ = c.nc.Close()
}

// await waits for the beginning of a request; false is the end.
func (c *conn) await() bool {
	if c.start < c.end {
		c.end = copy(c.buf, c.buf[c.start:c.end]) // the sender did not wait for its answer
		c.start = 0
		return true
	}
	c.rearm(time.Now())
	if c.server.closing.Load() { // after rearm: Shutdown sets the flag, then the deadline
		return false
	}
	n, err := c.nc.Read(c.buf)
	c.start, c.end = 0, n
	return n > 0 && err == nil
}

// rearm moves the deadline of idleness, not for every request.
func (c *conn) rearm(now time.Time) {
	if idle := c.server.cfg.IdleTimeout; c.deadline.Sub(now) < idle/2 {
		c.deadline = now.Add(idle)
		_ = c.nc.SetDeadline(c.deadline) // fails only on a closed connection, which the next read reports
	}
}

// body reads the request's body, which is the taker's own.
func (c *conn) body() ([]byte, error) {
	c.start += c.head.size
	body := make([]byte, c.head.length)
	n := copy(body, c.buf[c.start:c.end])
	c.start += n
	if n == len(body) {
		return body, nil
	}
	c.deadline = time.Now().Add(c.server.cfg.ReadTimeout)
	_ = c.nc.SetDeadline(c.deadline)
	_, err := io.ReadFull(c.nc, body[n:])
	return body, err
}

// answer answers a request; false is the end of the connection.
func (c *conn) answer(err error) bool {
	a := Answer{Status: http.StatusAccepted}
	if err != nil {
		a = c.server.cfg.Refusal(err)
	}
	b := append(c.out[:0], "HTTP/1.1 "...)
	b = append(strconv.AppendInt(b, int64(a.Status), 10), ' ')
	b = append(append(b, http.StatusText(a.Status)...), "\r\nDate: "...)
	b = append(b, c.server.date(time.Now())...)
	for name, value := range a.Header {
		b = append(append(append(append(b, lineEnd...), name...), ": "...), value...)
	}
	last := c.server.closing.Load()
	if last {
		b = append(b, "\r\nConnection: close"...)
	}
	b = append(b, "\r\nContent-Length: "...)
	b = append(strconv.AppendInt(b, int64(len(a.Text)), 10), headEnd...)
	c.out = append(b, a.Text...)
	_, err = c.nc.Write(c.out)
	return err == nil && !last
}
