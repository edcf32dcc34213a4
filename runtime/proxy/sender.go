package proxy

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

// sender streams a request's body to the app while the answer is read: an app
// may answer before, or while, it takes the body.
type sender struct {
	proceed chan struct{} // closed when the app says 100 Continue
	quit    chan struct{} // closed when the exchange is over
	done    chan struct{} // closed when the sender is home
	readErr error         // the client's body could not be read; valid after done
	whole   bool          // everything was sent; valid after done
	told    bool          // proceed is closed
}

func newSender() *sender {
	return &sender{proceed: make(chan struct{}), quit: make(chan struct{}), done: make(chan struct{})}
}

// run sends r's body on c, in a goroutine of its own.
func (s *sender) run(p *Proxy, c *conn, r *http.Request, expects bool) {
	defer close(s.done)
	if expects && !s.wait(p.cfg.ContinueTimeout) {
		return
	}
	buf := p.buffers.Get().(*[]byte)
	defer p.buffers.Put(buf)
	var err error
	if r.ContentLength < 0 {
		err = s.chunks(c, r, *buf)
	} else {
		err = s.plain(c, r, *buf)
	}
	s.whole = err == nil
	if s.readErr != nil {
		c.abort() // the app has to see that the body is not whole
	}
}

// wait holds the body back until the app asks for it, for at most d.
func (s *sender) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.proceed:
	case <-timer.C:
	case <-s.quit:
		return false
	}
	return true
}

func (s *sender) plain(c *conn, r *http.Request, buf []byte) error {
	for {
		n, err := r.Body.Read(buf)
		if n > 0 {
			if _, werr := c.nc.Write(buf[:n]); werr != nil {
				return werr
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			s.readErr = err
			return err
		}
	}
}

// chunks sends the body in chunks, each in one write, then the trailers.
func (s *sender) chunks(c *conn, r *http.Request, buf []byte) error {
	const room = 10 // for the size in hex and its line end
	for {
		n, err := r.Body.Read(buf[room : len(buf)-2])
		if n > 0 {
			size := strconv.AppendUint(make([]byte, 0, room), uint64(n), 16)
			size = append(size, "\r\n"...)
			from := room - len(size)
			copy(buf[from:], size)
			copy(buf[room+n:], "\r\n")
			if _, werr := c.nc.Write(buf[from : room+n+2]); werr != nil {
				return werr
			}
		}
		if err == io.EOF {
			return writeTrailers(c, r.Trailer)
		}
		if err != nil {
			s.readErr = err
			return err
		}
	}
}

func writeTrailers(c *conn, trailer http.Header) error {
	b := []byte("0\r\n")
	for key, values := range trailer {
		if !trails(key) {
			continue
		}
		for _, v := range values {
			b = appendField(b, key, v)
		}
	}
	_, err := c.nc.Write(append(b, "\r\n"...))
	return err
}
