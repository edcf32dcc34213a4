package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// smallBody is up to which length a body is sent together with the head.
const smallBody = 16 << 10

// errStale is a kept connection that turned out to be dead: try a fresh one.
var errStale = errors.New("the connection was closed while idle")

// exchange is one request over HTTP/1.1.
type exchange struct {
	p     *Proxy
	w     http.ResponseWriter
	r     *http.Request
	u     *Upstream
	c     *conn
	t     Timeouts
	total time.Time // when Timeouts.Total ends; zero: never
	until string    // what to say if the present deadline passes

	stop    func() bool // stops watching the client
	sender  *sender     // nil unless the body streams
	body    []byte      // a small body that was read already
	reused  bool        // the connection has served before
	keep    bool        // the connection may serve again
	guarded bool        // the client's connection has a write deadline
	status  int
}

// forward1 sends r over HTTP/1.1.
func (p *Proxy) forward1(w http.ResponseWriter, r *http.Request, u *Upstream, t Timeouts) (int, error) {
	uri, err := requestURI(r)
	if err != nil {
		return 0, err
	}
	x := &exchange{p: p, w: w, r: r, u: u, t: t}
	for fresh := false; ; fresh = true {
		err = x.attempt(uri, fresh)
		if err != errStale {
			break
		}
	}
	if x.body != nil && Unsent(err) {
		r.Body = io.NopCloser(bytes.NewReader(x.body))
	}
	return x.status, err
}

// attempt claims a connection, makes the exchange and gives the connection back.
func (x *exchange) attempt(uri string, fresh bool) error {
	start := time.Now()
	if x.t.Total > 0 {
		x.total = start.Add(x.t.Total)
	}
	first := x.firstDeadline(start)
	if err := x.connect(fresh, first); err != nil {
		return dialError(x.r.Context(), x.u.addr, err)
	}
	x.stop = context.AfterFunc(x.r.Context(), x.c.abort)
	err := x.run(uri)
	if x.stop() && err == nil && x.keep && !x.c.aborted.Load() {
		x.u.push(x.c, start)
	} else {
		x.c.close()
	}
	if x.guarded {
		_ = http.NewResponseController(x.w).SetWriteDeadline(time.Time{})
	}
	return err
}

// connect takes an idle connection that is alive, or dials.
func (x *exchange) connect(fresh bool, first time.Time) error {
	for !fresh {
		c := x.u.pop()
		if c == nil {
			break
		}
		c.deadline(first)
		if c.alive() {
			x.c, x.reused = c, true
			return nil
		}
		c.close()
	}
	c, err := x.u.connect(x.r.Context())
	if err != nil {
		return err
	}
	c.deadline(first)
	x.c, x.reused = c, false
	return nil
}

// firstDeadline is when the first byte of the answer has to be there.
func (x *exchange) firstDeadline(start time.Time) time.Time {
	d, text := x.t.Total, textTimeout
	if rs := x.t.ResponseStart; rs > 0 && (d == 0 || rs < d) {
		d, text = rs, textStartTimeout
	}
	if idle := x.t.Idle; idle > 0 && (d == 0 || idle < d) {
		d, text = idle, textIdleTimeout
	}
	x.until = text
	if d == 0 {
		return time.Time{}
	}
	return start.Add(d)
}

// run sends the request and passes the answer on.
func (x *exchange) run(uri string) error {
	if err := x.send(uri); err != nil {
		return err
	}
	if x.sender == nil {
		return x.receive()
	}
	err := x.receive()
	return x.settle(err)
}

// send writes the head, and the body with it where it is small; a larger one
// gets a sender.
func (x *exchange) send(uri string) error {
	r, c := x.r, x.c
	c.out = x.p.appendHead(c.out[:0], r, uri, upgradeAsked(r))
	expects := len(r.Header["Expect"]) > 0
	streams := r.ContentLength < 0 || r.ContentLength > smallBody || expects && r.ContentLength != 0
	if !streams && r.ContentLength > 0 {
		if err := x.smallBody(); err != nil {
			return err
		}
		c.out = append(c.out, x.body...)
	}
	if n, err := c.nc.Write(c.out); err != nil {
		return x.sendError(n, err)
	}
	if cap(c.out) > 64<<10 {
		c.out = nil
	}
	if streams {
		_ = http.NewResponseController(x.w).EnableFullDuplex() // HTTP/2 needs none
		x.sender = newSender()
		go x.sender.run(x.p, c, r, expects)
	}
	return nil
}

// smallBody reads the whole body, once, within the exchange's time.
func (x *exchange) smallBody() error {
	if x.body != nil {
		return nil
	}
	rc := http.NewResponseController(x.w)
	if !x.total.IsZero() {
		_ = rc.SetReadDeadline(x.total)
		defer func() { _ = rc.SetReadDeadline(time.Time{}) }()
	}
	body := make([]byte, x.r.ContentLength)
	if _, err := io.ReadFull(x.r.Body, body); err != nil {
		return bodyError(x.r.Context(), err)
	}
	x.body = body
	return nil
}

// bodyError is a request body that did not come.
func bodyError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil || errors.Is(err, io.ErrUnexpectedEOF):
		return ErrClientGone
	case isTimeout(err):
		return &Error{Status: http.StatusRequestTimeout, Text: textBodyTimeout, Err: err}
	}
	return &Error{Status: http.StatusBadRequest, Text: "the request's body could not be read", Err: err}
}

// sendError is a head that could not be written whole.
func (x *exchange) sendError(n int, err error) error {
	switch {
	case x.r.Context().Err() != nil:
		return ErrClientGone
	case isTimeout(err):
		return timeoutError(x.until, err)
	case x.reused && (n == 0 || replayable(x.r)):
		return errStale
	}
	return &Error{Text: textNoAnswer, Unsent: n == 0, Err: err}
}

// receive reads heads until the final one, and passes that answer on.
func (x *exchange) receive() error {
	for {
		s, err := readHead(x.c.br)
		if err != nil {
			return x.headError(err)
		}
		code, _, rest, err := parseStatus(s)
		switch {
		case err != nil:
			return &Error{Text: textBadAnswer, Err: err}
		case code == http.StatusContinue:
			x.sender.tell()
		case code == http.StatusSwitchingProtocols:
			return x.tunnel(s)
		case code < 200:
			if err := x.informational(code, rest); err != nil {
				return err
			}
		default:
			return x.final(s)
		}
	}
}

// tell lets the body go; a nil sender has none.
func (s *sender) tell() {
	if s != nil && !s.told {
		s.told = true
		close(s.proceed)
	}
}

// headError is an answer that did not come.
func (x *exchange) headError(err error) error {
	switch {
	case x.r.Context().Err() != nil:
		return ErrClientGone
	case isTimeout(err):
		return timeoutError(x.until, err)
	case errors.Is(err, errHead):
		return &Error{Text: textBadAnswer, Err: err}
	case x.reused && x.sender == nil && replayable(x.r):
		return errStale
	}
	return &Error{Text: textNoAnswer, Err: err}
}

// informational passes a 1xx answer such as 103 Early Hints on.
func (x *exchange) informational(code int, rest string) error {
	err := interim(x.w, code, func(h http.Header) error { return parseFields(rest, h) })
	if err != nil {
		return &Error{Text: textBadAnswer, Err: err}
	}
	return nil
}

// settle brings the sender home after the exchange.
func (x *exchange) settle(err error) error {
	s := x.sender
	close(s.quit)
	select {
	case <-s.done:
	default: // the answer came, or failed, before the body was taken
		x.keep = false
		x.c.close()
		_ = http.NewResponseController(x.w).SetReadDeadline(longAgo)
		<-s.done
	}
	x.keep = x.keep && s.whole
	if err != nil && x.status == 0 && s.readErr != nil && !isTimeout(s.readErr) {
		return bodyError(x.r.Context(), s.readErr)
	}
	return err
}
