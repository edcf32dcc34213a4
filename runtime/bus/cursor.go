package bus

import (
	"cmp"
	"slices"
)

// Cursor is the place of a receiver on a log: what it holds, and the offset below
// which everything is settled, in whatever order messages are. A driver that
// stores an offset stores Place. Not safe for concurrent use.
type Cursor struct {
	next int64
	held []hold // by offset; the first is unsettled
}

type hold struct {
	offset  int64
	settled bool
}

// NewCursor returns one that holds nothing.
func NewCursor(place int64) *Cursor { return &Cursor{next: place} }

// Place is the lowest offset that is not settled.
func (c *Cursor) Place() int64 {
	if len(c.held) > 0 {
		return c.held[0].offset
	}
	return c.next
}

// Next is the offset after the highest one held.
func (c *Cursor) Next() int64 { return c.next }

// Hold notes a delivered offset. Offsets come in rising order, with gaps where
// the log has none; one that is held already, or is settled, changes nothing.
func (c *Cursor) Hold(offset int64) {
	if offset < c.next {
		return
	}
	c.held = append(c.held, hold{offset: offset})
	c.next = offset + 1
}

// Settle notes that an offset is done and returns whether Place moved.
func (c *Cursor) Settle(offset int64) bool {
	i, found := c.find(offset)
	if !found {
		return false
	}
	c.held[i].settled = true
	if i > 0 {
		return false
	}
	n := slices.IndexFunc(c.held, func(h hold) bool { return !h.settled })
	if n < 0 {
		n = len(c.held)
	}
	c.held = c.held[n:]
	return true
}

// Holds says whether an offset is held and not settled.
func (c *Cursor) Holds(offset int64) bool {
	i, found := c.find(offset)
	return found && !c.held[i].settled
}

// Held is how many offsets are held and not settled.
func (c *Cursor) Held() (n int64) {
	for _, h := range c.held {
		if !h.settled {
			n++
		}
	}
	return n
}

// Unsettled returns the offsets that are held and not settled, rising.
func (c *Cursor) Unsettled() (offsets []int64) {
	for _, h := range c.held {
		if !h.settled {
			offsets = append(offsets, h.offset)
		}
	}
	return offsets
}

func (c *Cursor) find(offset int64) (int, bool) {
	return slices.BinarySearchFunc(c.held, offset, func(h hold, o int64) int { return cmp.Compare(h.offset, o) })
}
