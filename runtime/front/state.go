package front

import "syscall"

// ear is who is told when a connection's client has closed its side.
type ear struct {
	raw    syscall.RawConn
	fd     int32  // what it is watched under
	hungUp func() // the descriptor may have been another's when that was heard: it is asked
}

// state is what a connection would give if it were read.
type state int

const (
	silent   state = iota // nothing yet
	unread                // bytes
	finished              // its end, or an error
)
