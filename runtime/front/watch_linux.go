package front

import (
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// watch hears of clients that hang up, and of nothing else: one epoll instance
// that is asked for EPOLLRDHUP alone, edge-triggered. What clients send does not wake it.
// The runtime's poller tells when there is something to hear.
type watch struct {
	file *os.File
	raw  syscall.RawConn

	mu   sync.Mutex // guards ears
	ears map[int32]*ear
}

// newWatch starts to watch. It is nil where the system does not let us.
func newWatch() *watch {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil
	}
	w := &watch{file: os.NewFile(uintptr(fd), "hang-ups"), ears: map[int32]*ear{}}
	if w.raw, err = w.file.SyscallConn(); err != nil || w.file.SetDeadline(time.Time{}) != nil {
		_ = w.file.Close() // the runtime cannot wait for it
		return nil
	}
	go w.run()
	return w
}

// close ends the watch.
func (w *watch) close() {
	if w != nil {
		_ = w.file.Close()
	}
}

// add begins to watch for e; false if that cannot be.
func (w *watch) add(e *ear) bool {
	added := false
	err := e.raw.Control(func(fd uintptr) {
		e.fd = int32(fd)
		w.mu.Lock()
		w.ears[e.fd] = e
		w.mu.Unlock()
		added = w.control(unix.EPOLL_CTL_ADD, e.fd)
	})
	if err == nil && added {
		return true
	}
	w.forget(e)
	return false
}

// succeed has next hear what e would have heard.
func (w *watch) succeed(e, next *ear) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next.fd = e.fd
	w.ears[e.fd] = next
}

// forget drops e, whose descriptor may have become another connection's.
func (w *watch) forget(e *ear) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ears[e.fd] == e {
		delete(w.ears, e.fd)
	}
}

// remove ends the watch for e, which still has its descriptor.
func (w *watch) remove(e *ear) {
	w.forget(e)
	_ = e.raw.Control(func(fd uintptr) { w.control(unix.EPOLL_CTL_DEL, int32(fd)) })
}

func (w *watch) control(op int, fd int32) bool {
	ok := false
	_ = w.raw.Control(func(epfd uintptr) {
		ok = unix.EpollCtl(int(epfd), op, int(fd), &unix.EpollEvent{Events: unix.EPOLLRDHUP | unix.EPOLLET, Fd: fd}) == nil
	})
	return ok
}

// run hears until the watch is closed.
func (w *watch) run() {
	events := make([]unix.EpollEvent, 64)
	for {
		n := 0
		if err := w.raw.Read(func(fd uintptr) bool {
			n, _ = unix.EpollWait(int(fd), events, 0)
			return n > 0
		}); err != nil {
			return
		}
		for _, e := range events[:n] {
			w.mu.Lock()
			at := w.ears[e.Fd]
			w.mu.Unlock()
			if at != nil {
				at.hungUp()
			}
		}
	}
}

// peek asks a connection without waiting and without taking anything.
func peek(raw syscall.RawConn) state {
	found := finished
	_ = raw.Control(func(fd uintptr) {
		var one [1]byte
		n, _, err := unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		switch {
		case err == unix.EAGAIN || err == unix.EINTR:
			found = silent
		case err == nil && n > 0:
			found = unread
		}
	})
	return found
}
