package front

import "time"

// step is how often idle connections are looked through: by so much their
// timeouts are exceeded at most.
const step = 5 * time.Second

// serving is what a connection has instead of the tick since which it is idle.
const serving = -1

// sweep rouses connections that have been idle for too long.
func (s *Server) sweep() {
	ticker := time.NewTicker(step)
	defer ticker.Stop()
	for {
		select {
		case <-s.over:
			return
		case <-ticker.C:
		}
		s.tick.Add(1)
		s.look()
	}
}

// look rouses the connections that are overdue now.
func (s *Server) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.overdue() {
			c.rouse()
		}
	}
}

// overdue tells whether the connection has been idle longer than it may: until
// its first request the ReadHeaderTimeout, after that the IdleTimeout.
func (c *conn) overdue() bool {
	since := c.since.Load()
	if since == serving {
		return false
	}
	limit := c.s.rest.IdleTimeout
	if !c.served.Load() {
		limit = c.s.rest.ReadHeaderTimeout
	}
	return limit > 0 && time.Duration(c.s.tick.Load()-since)*step > limit
}
