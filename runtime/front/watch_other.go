//go:build !linux

package front

import "syscall"

// watch does not exist here: net/http serves everything.
type watch struct{}

func newWatch() *watch           { return nil }
func (*watch) close()            {}
func (*watch) add(*conn) bool    { return false }
func (*watch) remove(*conn)      {}
func peek(syscall.RawConn) state { return finished }
