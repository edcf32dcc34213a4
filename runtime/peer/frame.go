package peer

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/sluice-dev/sluice/runtime/activator"
)

// kind is what a frame says. The first group is said by who asks for places,
// the second by who gives them.
type kind byte

const (
	ping kind = iota // nothing but that the connection lives
	ask
	cancel
	release
	doubt
	hold
	forget
	told // what is held was told; names the round and the view

	place
	full
	again
	tell // say again what you hold of mine; names the round
	leaving
)

// frame is one message. Which fields count depends on its kind.
type frame struct {
	kind  kind
	id    uint64 // ask, cancel, place, full, again; the round of tell and told
	n     uint64 // ask: bytes; hold: places; told: the view
	after time.Duration
	flags byte
	key   activator.Key
	pod   string
	addr  string
	limit string // JSON of the place's limits
}

const (
	flagAgain = 1 << iota
	flagInsist
	flagCounted
)

// maxFrame bounds a frame, in bytes.
const maxFrame = 16 << 10

var errFrame = errors.New("malformed frame")

// append adds the frame, behind its length, to b.
func (f *frame) append(b []byte) []byte {
	at := len(b)
	b = append(b, 0, 0, byte(f.kind))
	b = binary.AppendUvarint(b, f.id)
	b = binary.AppendUvarint(b, f.n)
	b = binary.AppendUvarint(b, uint64(max(f.after, 0)))
	b = append(b, f.flags)
	for _, s := range [...]string{f.key.Namespace, f.key.Revision, f.pod, f.addr, f.limit} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	binary.BigEndian.PutUint16(b[at:], uint16(len(b)-at-2))
	return b
}

// read reads the next frame; buf is scratch of maxFrame bytes.
func (f *frame) read(br *bufio.Reader, buf []byte) error {
	if _, err := io.ReadFull(br, buf[:2]); err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint16(buf))
	if n > len(buf) || n < 1 {
		return errFrame
	}
	if _, err := io.ReadFull(br, buf[:n]); err != nil {
		return err
	}
	return f.parse(buf[:n])
}

func (f *frame) parse(b []byte) error {
	*f = frame{kind: kind(b[0])}
	c := cursor{b: b[1:]}
	f.id, f.n, f.after = c.number(), c.number(), time.Duration(c.number())
	f.flags = c.one()
	f.key.Namespace, f.key.Revision, f.pod, f.addr, f.limit = c.text(), c.text(), c.text(), c.text(), c.text()
	if c.bad {
		return errFrame
	}
	return nil
}

// cursor reads a frame's fields; bad says that there were too few bytes.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) number() uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) one() byte {
	if len(c.b) == 0 {
		c.bad = true
		return 0
	}
	v := c.b[0]
	c.b = c.b[1:]
	return v
}

func (c *cursor) text() string {
	n := c.number()
	if n > uint64(len(c.b)) {
		c.bad, c.b = true, nil
		return ""
	}
	s := string(c.b[:n])
	c.b = c.b[n:]
	return s
}

// replyFrame is a Reply as a frame.
func replyFrame(id uint64, r activator.Reply) frame {
	switch {
	case r.Full:
		return frame{kind: full, id: id}
	case r.Place == nil:
		return frame{kind: again, id: id}
	}
	p := r.Place
	f := frame{kind: place, id: id, key: p.Key, pod: p.Pod, addr: p.Addr, limit: p.Limits}
	if p.Counted {
		f.flags = flagCounted
	}
	return f
}

// reply is a frame as a Reply.
func (f *frame) reply() activator.Reply {
	if f.kind != place {
		return activator.Reply{Full: f.kind == full}
	}
	return activator.Reply{Place: &activator.Place{Key: f.key, Pod: f.pod, Addr: f.addr, Counted: f.flags&flagCounted != 0, Limits: f.limit}}
}
