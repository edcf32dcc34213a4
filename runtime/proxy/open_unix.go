//go:build unix

package proxy

import "syscall"

// stillOpen reads without waiting: an open, silent connection has nothing to
// read. Anything else (end of file, an error, bytes nobody asked for) makes the
// connection useless.
func stillOpen(fd uintptr) bool {
	var b [1]byte
	_, err := syscall.Read(int(fd), b[:])
	return err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
}
