package front

// state is what a connection would give if it were read.
type state int

const (
	silent   state = iota // nothing yet
	unread                // bytes
	finished              // its end, or an error
)
