package peer

import (
	"bufio"
	"net"
	"sync"
	"time"
)

const (
	// beat is how often something is said on a connection at least.
	beat = 500 * time.Millisecond
	// silence is how long nothing may be heard before the other is taken for dead.
	silence = 4 * beat
)

// link is one connection between two activators. Writing never blocks: frames
// are gathered, and sent together as soon as the connection takes them.
type link struct {
	nc net.Conn
	br *bufio.Reader

	mu     sync.Mutex // guards out and closed
	out    []byte
	closed bool
	more   chan struct{} // one place: there is something in out
	ended  chan struct{} // closed by close
}

func newLink(nc net.Conn, br *bufio.Reader) *link {
	return &link{nc: nc, br: br, more: make(chan struct{}, 1), ended: make(chan struct{})}
}

// send gathers a frame; it is false if the link is closed.
func (l *link) send(f frame) bool {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return false
	}
	l.out = f.append(l.out)
	l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
	return true
}

// close ends the link; a second time does nothing.
func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.ended)
		_ = l.nc.Close()
	}
}

// write sends what is gathered until the link ends.
func (l *link) write() {
	defer l.close()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	var spare []byte
	for {
		select {
		case <-l.more:
		case <-tick.C:
			l.send(frame{kind: ping})
		case <-l.ended:
			return
		}
		l.mu.Lock()
		b := l.out
		l.out = spare[:0]
		l.mu.Unlock()
		_ = l.nc.SetWriteDeadline(time.Now().Add(silence)) // fails only where the write does
		if _, err := l.nc.Write(b); err != nil {
			return
		}
		if spare = b; cap(spare) > 64<<10 {
			spare = nil
		}
	}
}

// read hands each frame to f until the link ends or f gives an error.
func (l *link) read(f func(*frame) error) error {
	defer l.close()
	buf := make([]byte, maxFrame)
	for {
		if l.br.Buffered() == 0 {
			_ = l.nc.SetReadDeadline(time.Now().Add(silence)) // fails only where the read does
		}
		var got frame
		if err := got.read(l.br, buf); err != nil {
			return err
		}
		if got.kind == ping {
			continue
		}
		if err := f(&got); err != nil {
			return err
		}
	}
}
