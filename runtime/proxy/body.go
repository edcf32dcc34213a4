package proxy

import (
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"time"
)

// final passes a final answer on: head, body, trailers.
func (x *exchange) final(s string) error {
	dst := x.w.Header()
	ours := dst["Connection"] // what the server has to say to the client, not the app
	delete(dst, "Connection")
	h, err := parseHead(s, x.r.Method, dst)
	if err != nil {
		clear(dst)
	}
	if ours != nil {
		dst["Connection"] = ours
	}
	if err != nil {
		return &Error{Text: textBadAnswer, Err: err}
	}
	if len(h.trailers) > 0 {
		dst["Trailer"] = h.trailers
	}
	x.keep = h.reusable
	x.started()
	if h.length < 0 || h.length > 2<<10 {
		x.guard()
	}
	x.status = h.code
	x.w.WriteHeader(h.code)
	switch {
	case h.chunked:
		err = x.copyChunks(h.trailers)
	case h.length < 0:
		err = x.copyAll(x.c.br)
	case h.length > 0:
		err = x.copyLength(h.length)
	}
	if err == nil && x.c.br.Buffered() > 0 {
		x.keep = false // bytes after the end: the app is out of step
	}
	return err
}

// started moves the deadline from the first byte's to the rest's.
func (x *exchange) started() {
	if x.until != textTimeout {
		x.until = textTimeout
		x.c.deadline(x.total)
	}
}

// tick restarts the idle timer before a read that may wait.
func (x *exchange) tick() {
	if x.t.Idle == 0 {
		return
	}
	d := time.Now().Add(x.t.Idle)
	x.until = textIdleTimeout
	if !x.total.IsZero() && x.total.Before(d) {
		d, x.until = x.total, textTimeout
	}
	x.c.deadline(d)
}

// grace is how much later than the app a client that does not read is given up,
// so that it is the app that is blamed where both are late.
const grace = time.Second

// guard bounds how long a client that does not read may hold the pod.
func (x *exchange) guard() {
	if !x.total.IsZero() {
		x.guarded = http.NewResponseController(x.w).SetWriteDeadline(x.total.Add(grace)) == nil
	}
}

func (x *exchange) flush() error {
	if err := http.NewResponseController(x.w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return x.clientError(err)
	}
	return nil
}

func (x *exchange) write(b []byte) error {
	if _, err := x.w.Write(b); err != nil {
		return x.clientError(err)
	}
	return nil
}

func (x *exchange) clientError(err error) error {
	if isTimeout(err) {
		return timeoutError(textTimeout, err)
	}
	return ErrClientGone
}

// cutError is an answer whose body broke off.
func (x *exchange) cutError(err error) error {
	switch {
	case x.r.Context().Err() != nil:
		return ErrClientGone
	case isTimeout(err):
		return timeoutError(x.until, err)
	}
	return &Error{Text: textCutAnswer, Err: err}
}

// copyLength passes on a body of n bytes. What is there goes out at once:
// before each wait for more, the client gets all that we have.
func (x *exchange) copyLength(n int64) error {
	br := x.c.br
	for n > 0 {
		if br.Buffered() == 0 {
			if err := x.flush(); err != nil {
				return err
			}
			x.tick()
			if n >= bufferSize {
				return x.copyLarge(n)
			}
			if _, err := br.Peek(1); err != nil {
				return x.cutError(err)
			}
		}
		b, _ := br.Peek(int(min(n, int64(br.Buffered()))))
		if err := x.write(b); err != nil {
			return err
		}
		_, _ = br.Discard(len(b))
		n -= int64(len(b))
	}
	return nil
}

// copyLarge passes on a large body of n bytes, past the small reader.
func (x *exchange) copyLarge(n int64) error {
	lr := &io.LimitedReader{R: x.c.br, N: n}
	if err := x.copyAll(lr); err != nil {
		return err
	}
	if lr.N > 0 {
		return x.cutError(io.ErrUnexpectedEOF)
	}
	return nil
}

// copyAll passes on whatever src gives until its end, the head first.
func (x *exchange) copyAll(src io.Reader) error {
	if err := x.flush(); err != nil {
		return err
	}
	return x.pump(src)
}

// pump passes on whatever src gives until its end, without delay.
func (x *exchange) pump(src io.Reader) error {
	buf := x.p.buffers.Get().(*[]byte)
	defer x.p.buffers.Put(buf)
	for {
		x.tick()
		n, err := src.Read(*buf)
		if n > 0 {
			if werr := x.write((*buf)[:n]); werr != nil {
				return werr
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return x.cutError(err)
		}
		if err := x.flush(); err != nil {
			return err
		}
	}
}

// copyChunks passes on a chunked body and its trailers.
func (x *exchange) copyChunks(trailers []string) error {
	br := x.c.br
	if br.Buffered() == 0 {
		if err := x.flush(); err != nil {
			return err
		}
	}
	if err := x.pump(httputil.NewChunkedReader(br)); err != nil {
		return err
	}
	return x.copyTrailers(trailers)
}

// copyTrailers reads the trailers of a chunked body; net/http sends them on.
func (x *exchange) copyTrailers(names []string) error {
	s, err := readTrailers(x.c.br)
	if err != nil {
		return x.cutError(err)
	}
	if s == "" {
		return nil
	}
	got := http.Header{}
	if err := parseFields(s, got); err != nil {
		return x.cutError(err)
	}
	if err := x.flush(); err != nil { // an answer that goes out whole has no room for trailers
		return err
	}
	sendTrailers(x.w.Header(), got, names)
	return nil
}
