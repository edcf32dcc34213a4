package front

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// held is how much of a body waits for more before it goes out: an answer that
// is no larger goes out with its head in one write.
const held = 4 << 10

// response is the answer to the present request. It keeps net/http's contract,
// but guesses no Content-Type.
type response struct {
	c      *conn
	header http.Header
	out    []byte // what goes out first: the head, or nothing
	body   []byte // of the body, what is held back

	head     bool  // the request was HEAD
	status   int   // 0: not said yet
	length   int64 // announced; -1: none
	written  int64
	trailers []string // announced
	opened   bool     // the head is complete: the framing is known
	chunked  bool
	last     bool // the connection ends after this answer
	broken   bool // it ends before: the client is gone, or gets less than was announced
}

// begin prepares for the next request.
func (w *response) begin(head bool) {
	clear(w.header)
	w.out, w.body = w.out[:0], w.body[:0]
	w.head, w.status, w.length, w.written = head, 0, -1, 0
	w.trailers, w.opened, w.chunked, w.last, w.broken = nil, false, false, false, false
}

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. What is changed in the header
// afterwards does not go out, but for trailers.
func (w *response) WriteHeader(status int) {
	if w.status != 0 {
		w.c.s.logf("front: superfluous WriteHeader(%d)", status)
		return
	}
	if status < 200 {
		w.inform(status)
		return
	}
	w.status, w.trailers = status, w.header["Trailer"]
	w.out = w.appendFields(appendStatus(w.out, status))
	if w.c.s.closed.Load() && !w.last {
		w.last = true
		w.out = append(w.out, "Connection: close\r\n"...)
	}
	if len(w.header["Date"]) == 0 {
		w.out = append(time.Now().UTC().AppendFormat(append(w.out, "Date: "...), http.TimeFormat), "\r\n"...)
	}
}

// inform sends an answer before the answer, as 103.
func (w *response) inform(status int) {
	b := appendStatus(nil, status)
	for key, values := range w.header {
		for _, v := range values {
			b = appendField(b, key, v)
		}
	}
	_ = w.send(append(b, "\r\n"...), nil, nil) // a client that is gone is found at the next write
}

func appendStatus(b []byte, status int) []byte {
	b = strconv.AppendInt(append(b, "HTTP/1.1 "...), int64(status), 10)
	b = append(b, ' ')
	if text := http.StatusText(status); text != "" {
		return append(append(b, text...), "\r\n"...)
	}
	return append(strconv.AppendInt(append(b, "status code "...), int64(status), 10), "\r\n"...)
}

func appendField(b []byte, key, value string) []byte {
	if strings.IndexByte(value, '\n') >= 0 || strings.IndexByte(value, '\r') >= 0 {
		value = oneLine.Replace(value)
	}
	return append(append(append(append(b, key...), ": "...), value...), "\r\n"...)
}

var oneLine = strings.NewReplacer("\n", " ", "\r", " ")

// appendFields appends the header, but for what the framing decides, and notes
// what it says of it.
func (w *response) appendFields(b []byte) []byte {
	for key, values := range w.header {
		switch key {
		case "Content-Length":
			w.announce(values)
			continue
		case "Transfer-Encoding":
			continue
		case "Connection":
			w.last = w.last || len(values) > 0 && strings.EqualFold(values[0], "close")
		default:
			if strings.HasPrefix(key, http.TrailerPrefix) || w.announced(key) {
				continue
			}
		}
		for _, v := range values {
			b = appendField(b, key, v)
		}
	}
	return b
}

// announce takes the length that the handler promises.
func (w *response) announce(values []string) {
	if len(values) == 0 {
		return
	}
	if n, err := strconv.ParseUint(values[0], 10, 63); err == nil {
		w.length = int64(n)
	}
}

// announced tells whether key is a trailer that the header announces.
func (w *response) announced(key string) bool {
	for _, names := range w.trailers {
		for name := range strings.SplitSeq(names, ",") {
			if strings.EqualFold(strings.TrimSpace(name), key) {
				return true
			}
		}
	}
	return false
}

// bodiless tells whether the answer has no body, whatever the handler writes.
func (w *response) bodiless() bool {
	return w.head || w.status == http.StatusNoContent || w.status == http.StatusNotModified
}

// Write implements http.ResponseWriter.
func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.bodiless() && !w.head {
		return 0, http.ErrBodyNotAllowed
	}
	w.written += int64(len(b))
	switch {
	case w.length >= 0 && w.written > w.length:
		return 0, http.ErrContentLength
	case w.head:
		return len(b), nil
	}
	if len(w.body)+len(b) <= held {
		w.body = append(w.body, b...)
		return len(b), nil
	}
	w.open(-1)
	if err := w.flush(b, nil); err != nil {
		return 0, err
	}
	return len(b), nil
}

// FlushError sends what is held back; http.ResponseController calls it.
func (w *response) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.open(-1)
	return w.flush(nil, nil)
}

// Flush implements http.Flusher.
func (w *response) Flush() { _ = w.FlushError() }

// open ends the head, once: it says how the body ends. whole is the body's
// length where it is known, else -1.
func (w *response) open(whole int64) {
	if w.opened {
		return
	}
	w.opened = true
	switch {
	case w.length >= 0 && w.status != http.StatusNoContent:
		whole = w.length
	case w.head && 0 < whole && whole <= held: // what a GET would have said
	case w.bodiless():
		whole = -1 // nothing is known of a body that is not there
	case whole < 0:
		w.chunked = true
		w.out = append(w.out, "Transfer-Encoding: chunked\r\n"...)
	}
	if whole >= 0 {
		w.out = append(strconv.AppendInt(append(w.out, "Content-Length: "...), whole, 10), "\r\n"...)
	}
	w.out = append(w.out, "\r\n"...)
}

// flush sends what is held back with more behind it, as a chunk where the body
// is in chunks, and then last.
func (w *response) flush(more, last []byte) error {
	if n := len(w.body) + len(more); w.chunked && n > 0 {
		w.out = append(strconv.AppendInt(w.out, int64(n), 16), "\r\n"...)
		last = append([]byte("\r\n"), last...)
	}
	w.out = append(w.out, w.body...)
	w.body = w.body[:0]
	err := w.send(w.out, more, last)
	w.out = w.out[:0]
	return err
}

// finish sends the rest. It is false if the connection cannot serve another request.
func (w *response) finish() bool {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.length >= 0 && w.length != w.written && !w.bodiless() {
		w.broken = true // not what was announced: the client sees that by the end
	}
	if len(w.trailers) > 0 {
		w.open(-1)
	}
	w.open(w.written)
	var last []byte
	if w.chunked {
		last = append(w.appendTrailers([]byte("0\r\n")), "\r\n"...)
	}
	_ = w.flush(nil, last) // its error is in broken
	if cap(w.out) > 4*held {
		w.out = nil
	}
	return !w.last && !w.broken
}

// appendTrailers appends the trailers: those announced, and those under
// net/http's prefix. Only a body in chunks has room for them.
func (w *response) appendTrailers(b []byte) []byte {
	for key, values := range w.header {
		name, prefixed := strings.CutPrefix(key, http.TrailerPrefix)
		if !prefixed && !w.announced(key) {
			continue
		}
		for _, v := range values {
			b = appendField(b, name, v)
		}
	}
	return b
}

// send writes all of it in one go.
func (w *response) send(b, more, last []byte) error {
	var err error
	switch {
	case len(more) > 0:
		_, err = (&net.Buffers{b, more, last}).WriteTo(w.c.nc)
	case len(b)+len(last) > 0:
		_, err = w.c.nc.Write(append(b, last...))
	}
	if err != nil {
		w.broken = true
		w.c.cancel()
	}
	return err
}

// SetReadDeadline has nothing to do: the request is here, all of it.
func (w *response) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline bounds how long the client may take to read the answer.
func (w *response) SetWriteDeadline(t time.Time) error { return w.c.nc.SetWriteDeadline(t) }

// EnableFullDuplex has nothing to do, as SetReadDeadline.
func (w *response) EnableFullDuplex() error { return nil }
