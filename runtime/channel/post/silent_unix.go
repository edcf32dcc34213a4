//go:build unix

package post

import (
	"net"
	"syscall"
)

// isSilent reads without waiting. An idle connection that is open has nothing to
// read: its end, an error, or words that nobody asked for (servers tell idle
// clients 408, or worse) would be taken for the answer to the next event.
func isSilent(nc net.Conn) bool {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	silent := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, err := syscall.Read(int(fd), b[:])
		silent = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		return true
	})
	return err == nil && silent
}
