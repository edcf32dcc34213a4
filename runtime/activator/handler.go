package activator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sluice-dev/sluice/runtime/proxy"
	"github.com/sluice-dev/sluice/schema/contract"
)

// ServeHTTP sends r to a pod of the revision that its headers name, and waits
// for one where none can take it.
func (a *Activator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := Key{first(r.Header[contract.HeaderNamespace]), first(r.Header[contract.HeaderRevision])}
	if key.Namespace == "" || key.Revision == "" {
		proxy.Answer(w, r, &proxy.Error{Status: http.StatusBadRequest,
			Text: "the request names no revision: it did not come through the gateway"})
		return
	}
	start := time.Now()
	v, status, err := a.serve(w, r, key, start)
	if err == nil {
		v.stats.observe(status, time.Since(start))
		return
	}
	if errors.Is(err, proxy.ErrClientGone) {
		v.stats.observe(proxy.StatusClientGone, time.Since(start))
		panic(http.ErrAbortHandler)
	}
	a.cfg.Log.Debug("request failed", "revision", key.String(), "error", err)
	if status != 0 { // the client has part of an answer: it must not take it for the whole
		v.stats.observe(http.StatusBadGateway, time.Since(start))
		panic(http.ErrAbortHandler)
	}
	v.stats.observe(proxy.Answer(w, r, err), time.Since(start))
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// serve claims a place and sends the request there; when not a byte of it was
// sent, it goes back to the head of the line and tries again.
func (a *Activator) serve(w http.ResponseWriter, r *http.Request, key Key, start time.Time) (*revision, int, error) {
	for t := (turn{arrived: start}); ; {
		v := a.revisions.get(key)
		p := v.claim(start)
		if p != nil {
			v.touch()
		} else {
			var err error
			t.bytes = weight(r)
			p, err = v.await(r.Context(), t, time.Until(start.Add(a.cfg.QueueTimeout)))
			if err == errAgain {
				continue
			}
			if err != nil {
				refusal := a.refusal(v, err)
				a.revisions.retire(v)
				return v, 0, refusal
			}
		}
		status, err := v.send(w, r, p)
		if !proxy.Unsent(err) {
			return v, status, err
		}
		a.cfg.Log.Debug("pod not reached", "revision", key.String(), "pod", p.name, "error", err)
		t.again = true
	}
}

// send makes the exchange with p and gives the place back, whatever happens.
func (v *revision) send(w http.ResponseWriter, r *http.Request, p *pod) (status int, err error) {
	defer func() {
		if proxy.Unsent(err) {
			v.doubt(p)
		}
		if v.release(p) {
			v.owner.revisions.retire(v)
		}
	}()
	if v.isCold.Load() {
		w = v.endCold(w)
	}
	return v.owner.cfg.Proxy.Forward(w, r, p.upstream, p.timeouts)
}

// weight estimates the memory that a waiting request holds: goroutine, stacks
// and buffers of its connection, its head, and for HTTP/2 what it may have sent
// of its body. (Over HTTP/1.1 an unread body stays in the kernel.)
func weight(r *http.Request) int64 {
	n := int64(16<<10 + len(r.RequestURI))
	for key, values := range r.Header {
		for _, v := range values {
			n += int64(len(key) + len(v) + 32)
		}
	}
	if r.ProtoMajor == 2 && r.ContentLength != 0 {
		if n += StreamBuffer; r.ContentLength > 0 && r.ContentLength < StreamBuffer {
			n += r.ContentLength - StreamBuffer
		}
	}
	return n
}

// refusal says why a request gets no place.
func (a *Activator) refusal(v *revision, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return proxy.ErrClientGone
	}
	why := v.trouble()
	if err == errFull {
		why = "its queue is full"
	}
	return &proxy.Error{
		Status:     http.StatusServiceUnavailable,
		RetryAfter: a.cfg.RetryAfter,
		Text:       fmt.Sprintf("revision %s in namespace %s cannot take the request: %s; see `sluice status`", v.key.Revision, v.key.Namespace, why),
		Err:        err,
	}
}

// trouble says what stands in the way of a request that waited in vain.
func (v *revision) trouble() string {
	v.lock()
	defer v.unlock()
	switch {
	case v.wakeErr != nil && v.live() == 0:
		return "no pod could be started: " + v.wakeErr.Error()
	case v.told != "" && len(v.usable) == 0:
		return "no pod could be started: " + v.told
	case v.live() == 0:
		return "it has no pod"
	case len(v.usable) == 0:
		return fmt.Sprintf("none of its pods (%d) became ready in time", v.live())
	}
	return fmt.Sprintf("its pods (%d) were busy all the time", len(v.usable))
}
