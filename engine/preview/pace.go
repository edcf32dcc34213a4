package preview

import "time"

const (
	// burst is how often a ref may move at once, refill how long it takes until
	// it may once more: a ref that is rewritten in a loop costs that much.
	burst  = 5
	refill = 10 * time.Second
)

// Pace bounds how often what a ref describes is looked at. The zero Pace has
// its whole burst.
type Pace struct {
	spent float64
	at    time.Time
}

// Take uses one look, if there is one; wait is how long until the next.
func (p Pace) Take(now time.Time) (next Pace, wait time.Duration, ok bool) {
	if !p.at.IsZero() && now.After(p.at) {
		p.spent = max(0, p.spent-float64(now.Sub(p.at))/float64(refill))
	}
	p.at = now
	if p.spent > burst-1 {
		return p, max(time.Millisecond, time.Duration((p.spent-(burst-1))*float64(refill))), false
	}
	p.spent++
	return p, 0, true
}
