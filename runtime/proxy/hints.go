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
	h := s.w.Header()
	before := maps.Clone(h)
	for key, values := range header {
		h[key] = values
	}
	stripHop(h)
	delete(h, "Content-Length") // it has no body
	s.w.WriteHeader(code)
	clear(h)
	maps.Copy(h, before)
	return nil
}

// end is called when the answer itself is here, or will not come.
func (s *hints) end() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
}
