package proxy

import (
	"io"
	"net/http"
	"sync"
)

// unasked is the body of a client that waits for 100 Continue. net/http drains
// a body that is closed, and a client that was not asked for its body sends
// none: one that nobody has read is left to the server, which ends the
// connection after the answer.
type unasked struct {
	io.ReadCloser

	lock   sync.Mutex
	begun  bool
	closed bool
}

// Read asks the client for its body; not once it is closed.
func (b *unasked) Read(p []byte) (int, error) {
	b.lock.Lock()
	if b.closed {
		b.lock.Unlock()
		return 0, http.ErrBodyReadAfterClose
	}
	b.begun = true
	b.lock.Unlock()
	return b.ReadCloser.Read(p)
}

// Close lets go of a body that nobody has read, and closes any other.
func (b *unasked) Close() error {
	b.lock.Lock()
	b.closed = true
	begun := b.begun
	b.lock.Unlock()
	if !begun {
		return nil
	}
	return b.ReadCloser.Close()
}
