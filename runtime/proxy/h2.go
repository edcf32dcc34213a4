package proxy

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"time"
)

// newH2 is a transport that speaks HTTP/2 without TLS, from the first byte.
func newH2(cfg Config, dial func(context.Context, string, string) (net.Conn, error)) *http.Transport {
	var only http.Protocols
	only.SetUnencryptedHTTP2(true)
	return &http.Transport{
		DialContext:        dial,
		Protocols:          &only,
		IdleConnTimeout:    cfg.IdleTimeout,
		DisableCompression: true,
		// Without it the body is read, and thereby asked for, before the app had its say.
		ExpectContinueTimeout: cfg.ContinueTimeout,
		HTTP2:                 &http.HTTP2Config{MaxReceiveBufferPerStream: 1 << 20, SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
}

// watch is the one timer of an exchange whose connection is shared: it cancels
// the exchange's context, and remembers why.
type watch struct {
	cancel context.CancelCauseFunc
	timer  *time.Timer
	t      Timeouts
	total  time.Time
}

// expired is the cause of a context that the watch ended.
type expired struct{ text string }

func (e *expired) Error() string { return e.text }

// Is makes an expired look like any other deadline.
func (e *expired) Is(target error) bool { return target == os.ErrDeadlineExceeded }

func newWatch(cancel context.CancelCauseFunc, t Timeouts) *watch {
	wt := &watch{cancel: cancel, t: t}
	now := time.Now()
	if t.Total > 0 {
		wt.total = now.Add(t.Total)
	}
	wt.arm(now, t.ResponseStart, textStartTimeout)
	return wt
}

// arm sets the timer to the earliest of total, idle and extra.
func (wt *watch) arm(now time.Time, extra time.Duration, extraText string) {
	wt.stop()
	d, text := time.Duration(0), ""
	sooner := func(by time.Duration, says string) {
		if by > 0 && (d == 0 || by < d) {
			d, text = by, says
		}
	}
	if !wt.total.IsZero() {
		sooner(max(wt.total.Sub(now), 1), textTimeout)
	}
	sooner(extra, extraText)
	sooner(wt.t.Idle, textIdleTimeout)
	if d > 0 {
		wt.timer = time.AfterFunc(d, func() { wt.cancel(&expired{text}) })
	}
}

func (wt *watch) stop() {
	if wt.timer != nil {
		wt.timer.Stop()
	}
}

// moved restarts the idle timer, if there is one.
func (wt *watch) moved() {
	if wt.t.Idle > 0 {
		wt.arm(time.Now(), 0, "")
	}
}

// forward2 sends r over a shared HTTP/2 connection.
func (p *Proxy) forward2(w http.ResponseWriter, r *http.Request, u *Upstream, t Timeouts) (int, error) {
	if _, err := requestURI(r); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	wt := newWatch(cancel, t)
	defer wt.stop()
	out := p.outgoing(ctx, r, u)
	if out.Body != nil {
		defer out.Body.Close()
		_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 needs none
	}
	hints := &hints{w: w}
	res, err := u.h2.RoundTrip(out.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: hints.pass})))
	hints.end()
	if err != nil {
		return 0, tripError(ctx, r, u.addr, err)
	}
	defer res.Body.Close()
	wt.arm(time.Now(), 0, "")
	x := &exchange2{w: w, res: res, wt: wt}
	err = x.pass(p)
	if err != nil {
		err = x.explain(ctx, r, err)
	}
	return x.status, err
}

// outgoing is r as the app gets it.
func (p *Proxy) outgoing(ctx context.Context, r *http.Request, u *Upstream) *http.Request {
	target := *r.URL
	target.Scheme, target.Host = "http", u.addr
	h := make(http.Header, len(r.Header)+5)
	dropped := nominated(r.Header)
	for key, values := range r.Header {
		if passes(key, dropped) {
			h[key] = values
		}
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = nil // else net/http adds its own
	}
	if wantsTrailers(r.Header) {
		h["Te"] = []string{"trailers"}
	}
	o := p.originOf(r)
	h["X-Forwarded-For"] = []string{string(o.appendFor(nil, r.Header["X-Forwarded-For"]))}
	h["X-Forwarded-Proto"] = []string{o.proto}
	h["X-Forwarded-Host"] = []string{o.host}
	h["Forwarded"] = []string{string(o.appendForwarded(nil, r.Header["Forwarded"]))}
	if len(h["Traceparent"]) == 0 {
		h["Traceparent"] = []string{string(p.appendTraceparent(nil))}
	}
	out := (&http.Request{Method: r.Method, URL: &target, Host: r.Host, Header: h, ContentLength: r.ContentLength, Trailer: r.Trailer}).WithContext(ctx)
	if r.ContentLength != 0 {
		out.Body = r.Body
		if len(r.Trailer) > 0 {
			out.Body = &trailed{r.Body, r.Trailer}
		}
		if len(r.Header["Expect"]) > 0 {
			out.Body = &unasked{ReadCloser: out.Body}
		}
	}
	return out
}

// trailed is a body whose trailers are there when it ends; of them those stay
// that may reach the app.
type trailed struct {
	io.ReadCloser
	trailer http.Header
}

// Read implements io.Reader.
func (t *trailed) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if err == io.EOF {
		maps.DeleteFunc(t.trailer, func(key string, _ []string) bool { return !trails(key) })
	}
	return n, err
}

// tripError is a request that got no answer.
func tripError(ctx context.Context, r *http.Request, addr string, err error) error {
	if r.Context().Err() != nil {
		return ErrClientGone
	}
	if why, ok := errors.AsType[*expired](context.Cause(ctx)); ok {
		return timeoutError(why.text, err)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return dialError(r.Context(), addr, err)
	}
	return &Error{Text: textNoAnswer, Err: err}
}

// exchange2 is an answer over HTTP/2 on its way to the client.
type exchange2 struct {
	w      http.ResponseWriter
	res    *http.Response
	wt     *watch
	status int
}

func (x *exchange2) pass(p *Proxy) error {
	dst := x.w.Header()
	ours := dst["Connection"] // what the server has to say to the client, not the app
	for key, values := range x.res.Header {
		dst[key] = values
	}
	stripHop(dst)
	if ours != nil {
		dst["Connection"] = ours
	}
	names := make([]string, 0, len(x.res.Trailer))
	for key := range x.res.Trailer {
		names = append(names, key)
	}
	if len(names) > 0 {
		dst["Trailer"] = names
		delete(dst, "Content-Length") // in HTTP/1.1 only a chunked body has trailers
	}
	rc := http.NewResponseController(x.w)
	if !x.wt.total.IsZero() && rc.SetWriteDeadline(x.wt.total.Add(grace)) == nil {
		defer func() { _ = rc.SetWriteDeadline(time.Time{}) }()
	}
	x.status = x.res.StatusCode
	x.w.WriteHeader(x.status)
	if err := x.copyBody(rc, p); err != nil {
		return err
	}
	if len(x.res.Trailer) > 0 {
		_ = rc.Flush() // an answer that goes out whole has no room for trailers
		sendTrailers(dst, x.res.Trailer, names)
	}
	return nil
}

// copyBody passes the body on, each piece as it comes.
func (x *exchange2) copyBody(rc *http.ResponseController, p *Proxy) error {
	buf := p.buffers.Get().(*[]byte)
	defer p.buffers.Put(buf)
	if x.res.ContentLength != 0 {
		_ = rc.Flush() // a failure shows in the write that follows
	}
	for {
		n, err := x.res.Body.Read(*buf)
		if n > 0 {
			x.wt.moved()
			if _, werr := x.w.Write((*buf)[:n]); werr != nil {
				return errors.Join(ErrClientGone, werr)
			}
			if err == nil {
				_ = rc.Flush()
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

// explain names the cause of an answer that was cut short.
func (x *exchange2) explain(ctx context.Context, r *http.Request, err error) error {
	if why, ok := errors.AsType[*expired](context.Cause(ctx)); ok {
		return timeoutError(why.text, err)
	}
	if r.Context().Err() != nil || errors.Is(err, ErrClientGone) {
		return ErrClientGone
	}
	return &Error{Text: textCutAnswer, Err: err}
}
