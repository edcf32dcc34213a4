package stat

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// BlockType is what an autoscaler that takes blocks says in the Accept-Post
// header of its answer to a stream. One that does not say it gets a JSON object
// a line; who takes blocks takes those too, and tells them by their first byte.
const BlockType = "application/vnd.sluice.load-block"

// BlockMark is the first byte of a block, which no JSON has. After it comes the
// length of the rest (an unsigned varint, as all numbers below of which no size
// is said), and then records. A record is
//
//   - 0 and the activator's name: what revisions are called begins anew, as it
//     does with the first record of a stream; or
//   - a revision's number; its names if it is one more than the highest so far;
//     a word of which the lowest eight bits are the flags below, and the others
//     say which of the counts are not 0; the requests in flight, those that wait,
//     and the pods, a word each; the average, the requests and the seconds, IEEE
//     754 of eight bytes; the counts that are not 0; and what the flags say.
//
// Words have four bytes, the lowest first, as those of eight have. Names are
// their length and their bytes. So a name crosses a stream once, and the reader
// finds a revision by its place in a list.
const BlockMark = 0x01

// What a record has beyond what all have, in this order.
const (
	flagWake  = 1 << iota // nothing more
	flagTimes             // P50 and P95
	flagErrors
	flagPods // how many; of each the name, and twice its requests, plus 1 if it retires
	flagsAll = 1<<iota - 1

	flagBits = 8 // before those of the counts
)

const (
	// BlockNames is how many revisions have a number at most. Beyond it numbers
	// begin anew.
	BlockNames = 4096
	// BlockFull is the length, in bytes, from which a Packer's block takes no more.
	BlockFull = 16 << 10
	// BlockLongest is the length that no block has, and no line of JSON either.
	BlockLongest = 64 << 10
	// fixed is the length of what all records have in the same places.
	fixed = 4*4 + 3*8
	// longestName is how many bytes a name has at most: a DNS subdomain's, as
	// Kubernetes has them.
	longestName = 253
)

// Packer makes the blocks of one stream. It is not safe for concurrent use.
type Packer struct {
	activator string
	numbers   map[[2]string]uint64
	records   []byte
	block     []byte
}

// NewPacker begins a stream of an activator's.
func NewPacker(activator string) *Packer {
	p := &Packer{activator: activator}
	p.anew()
	return p
}

func (p *Packer) anew() {
	p.numbers = make(map[[2]string]uint64)
	p.records = appendText(append(p.records, 0), p.activator)
}

// Add puts a frame of the activator's into the block. It is false when the
// block is full: Take it first.
func (p *Packer) Add(f *Frame) bool {
	if len(p.records) >= BlockFull {
		return false
	}
	p.name(f)
	which := f.Slow.which()
	word := which << flagBits
	flag := func(has bool, bit uint32) bool {
		if has {
			word |= bit
		}
		return has
	}
	flag(f.Wake, flagWake)
	times := flag(f.P50 != 0 || f.P95 != 0, flagTimes)
	errors := flag(f.Errors != 0, flagErrors)
	pods := flag(len(f.Pods) > 0, flagPods)
	b := appendWords(p.records, word, small(f.InFlight), small(f.Queued), small(f.Ready))
	b = appendFloats(b, f.Concurrency, f.Requests, f.Seconds)
	for ; which != 0; which &= which - 1 {
		b = binary.AppendUvarint(b, f.Slow[bits.TrailingZeros32(which)])
	}
	if times {
		b = appendFloats(b, f.P50, f.P95)
	}
	if errors {
		b = appendFloats(b, f.Errors)
	}
	if pods {
		b = packPods(b, f.Pods[:min(len(f.Pods), PodsTold)])
	}
	p.records = b
	return true
}

// name writes a revision's number, and its names if it had none.
func (p *Packer) name(f *Frame) {
	key := [2]string{f.Namespace, f.Revision}
	if n, known := p.numbers[key]; known {
		p.records = binary.AppendUvarint(p.records, n)
		return
	}
	if len(p.numbers) == BlockNames {
		p.anew()
	}
	n := uint64(len(p.numbers) + 1)
	p.numbers[key] = n
	p.records = appendText(appendText(binary.AppendUvarint(p.records, n), f.Namespace), f.Revision)
}

// Take is the block so far, and begins the next. It is good until the next Take.
func (p *Packer) Take() []byte {
	p.block = binary.AppendUvarint(append(p.block[:0], BlockMark), uint64(len(p.records)))
	p.block = append(p.block, p.records...)
	p.records = p.records[:0]
	return p.block
}

func packPods(b []byte, pods []Pod) []byte {
	b = binary.AppendUvarint(b, uint64(len(pods)))
	for _, p := range pods {
		n := uint64(small(p.InFlight)) << 1
		if p.Retiring {
			n |= 1
		}
		b = binary.AppendUvarint(appendText(b, p.Name), n)
	}
	return b
}

// which has a bit for each count that is not 0.
func (c *Counts) which() (bits uint32) {
	for i, n := range c {
		if n > 0 {
			bits |= 1 << i
		}
	}
	return bits
}

// small is a count of requests or pods as a word.
func small(n int) uint32 { return uint32(min(max(0, n), math.MaxInt32)) }

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendWords(b []byte, words ...uint32) []byte {
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

func appendFloats(b []byte, values ...float64) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}
