package proxy

import (
	"maps"
	"net/http"
	"net/textproto"
	"sync"
)

// hints passes the answers before the answer of an HTTP/2 app on. The transport
// tells of them in a goroutine of its own, which may be late.
type hints struct {
	mu   sync.Mutex // guards w
	w    http.ResponseWriter
	over bool
}

// pass passes one on, such as 103 Early Hints. 100 Continue is the transport's,
// which waits for it, and 101 means nothing in HTTP/2.
func (s *hints) pass(code int, header textproto.MIMEHeader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || code == http.StatusContinue || code == http.StatusSwitchingProtocols {
		return nil
	}
	return interim(s.w, code, func(h http.Header) error {
		maps.Copy(h, http.Header(header))
		return nil
	})
}

// end is called when the answer itself is here, or will not come.
func (s *hints) end() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
}

// interim answers with a 1xx, whose headers add puts among those that the answer
// itself has, for this once.
func interim(w http.ResponseWriter, code int, add func(http.Header) error) error {
	h := w.Header()
	before := maps.Clone(h)
	if err := add(h); err != nil {
		return err
	}
	stripHop(h)
	delete(h, "Content-Length") // it has no body
	w.WriteHeader(code)
	clear(h)
	maps.Copy(h, before)
	return nil
}
