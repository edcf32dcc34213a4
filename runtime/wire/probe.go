package wire

import (
	"net"
	"syscall"
)

// Probe asks one connection. It is for the goroutine that has the connection,
// and costs no allocation.
type Probe struct {
	raw    syscall.RawConn // nil where the connection has no descriptor
	ask    func(fd uintptr) bool
	silent bool // what ask found
}

// NewProbe makes the Probe of a connection.
func NewProbe(nc net.Conn) *Probe {
	p := &Probe{}
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			p.raw = raw
		}
	}
	p.ask = func(fd uintptr) bool {
		p.silent = silent(fd)
		return true
	}
	return p
}

// Silent tells whether the connection is open and has nothing to be read, as an
// idle one must be before something is written to it. Its end, an error, or words
// that nobody asked for (servers tell idle clients 408, or worse) make it
// useless: they would be taken for the answer. Where that cannot be asked it is
// true, and a dead connection is found out by using it.
func (p *Probe) Silent() bool {
	if p.raw == nil {
		return true
	}
	p.silent = false
	return p.raw.Read(p.ask) == nil && p.silent
}
