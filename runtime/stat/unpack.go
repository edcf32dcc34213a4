package stat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

var (
	errShort  = errors.New("block: it ends within a record")
	errNumber = errors.New("block: a whole number has more than 64 bits")
)

// Unpacker reads the blocks of one stream. It is not safe for concurrent use.
type Unpacker struct {
	activator string
	begun     bool
	names     []names // by number, less one
	reader    reader
	frame     Frame
	pods      []Pod
}

// names are what is remembered of a revision: strings that need not be made anew.
type names struct {
	namespace, revision string
	pods                []string // as told last
}

// Told is a frame of a block.
type Told struct {
	// Number is the revision's, from 0 to BlockNames - 1, each the first time
	// after the one before; Named says that it has it since this frame.
	Number int
	Named  bool
	// Frame is good, with its Pods, until the next is asked for.
	Frame *Frame
}

// Begin begins a block, which begins after its length.
func (u *Unpacker) Begin(block []byte) { u.reader = reader{block: block, err: u.reader.err} }

// Err is what is wrong with a block; after that nothing more is told.
func (u *Unpacker) Err() error { return u.reader.err }

// Next is the block's next frame; false if there is none, or see Err.
func (u *Unpacker) Next() (Told, bool) {
	r := &u.reader
	for r.at < len(r.block) && r.err == nil {
		number := r.count()
		if number == 0 {
			u.activator, u.begun, u.names = r.text(u.activator), true, u.names[:0]
			continue
		}
		named := number > uint64(len(u.names))
		if named && !u.name(number) {
			break
		}
		u.read(r, &u.names[number-1])
		return Told{int(number - 1), named, &u.frame}, r.err == nil
	}
	return Told{}, false
}

// name reads the names of a revision that has none yet. It is false where they
// cannot be read.
func (u *Unpacker) name(number uint64) bool {
	r, known := &u.reader, uint64(len(u.names))
	switch {
	case !u.begun:
		r.fail(errors.New("block: the first record of a stream names the activator, with the number 0"))
	case number > known+1, number > BlockNames:
		r.fail(fmt.Errorf("block: revision number %d after %d of at most %d", number, known, BlockNames))
	}
	n := names{namespace: r.text(""), revision: r.text("")}
	if n.namespace == "" || n.revision == "" {
		r.fail(fmt.Errorf("block: revision number %d has no namespace or no name", number))
	}
	u.names = append(u.names, n)
	return r.err == nil
}

// read fills the frame.
func (u *Unpacker) read(r *reader, n *names) {
	f, b := &u.frame, r.fixed()
	word := binary.LittleEndian.Uint32(b)
	which := word >> flagBits
	if flags := word & (1<<flagBits - 1); flags > flagsAll || which >= 1<<len(f.Slow) {
		r.fail(fmt.Errorf("block: flags %#x are not known", word))
	}
	f.Activator, f.Namespace, f.Revision, f.Wake = u.activator, n.namespace, n.revision, word&flagWake != 0
	f.InFlight, f.Queued, f.Ready = count(b[4:]), count(b[8:]), count(b[12:])
	f.Concurrency, f.Requests, f.Seconds = float(b[16:]), float(b[24:]), float(b[32:])
	f.P50, f.P95, f.Errors, f.Pods = 0, 0, 0, nil
	f.Slow = Counts{}
	for ; which != 0 && r.err == nil; which &= which - 1 {
		f.Slow[bits.TrailingZeros32(which)] = r.count()
	}
	if word&flagTimes != 0 {
		f.P50, f.P95 = r.float(), r.float()
	}
	if word&flagErrors != 0 {
		f.Errors = r.float()
	}
	if word&flagPods != 0 {
		f.Pods = u.readPods(r, n)
	}
}

func (u *Unpacker) readPods(r *reader, n *names) []Pod {
	many := r.count()
	if many > PodsTold {
		r.fail(fmt.Errorf("block: %d pods, at most %d are told of", many, PodsTold))
	}
	u.pods = u.pods[:0]
	for i := 0; i < int(many) && r.err == nil; i++ {
		name := r.name(n.pods, i)
		load := r.count()
		u.pods = append(u.pods, Pod{Name: name, InFlight: int(min(load>>1, math.MaxInt32)), Retiring: load&1 != 0})
	}
	n.pods = n.pods[:0]
	for _, p := range u.pods {
		n.pods = append(n.pods, p.Name)
	}
	return u.pods
}

// reader takes a block apart. After its first error it gives zeros.
type reader struct {
	block []byte
	at    int // what is read
	err   error
}

// nothing is read where a block has ended.
var nothing [fixed]byte

// fixed reads what every record has in the same places.
func (r *reader) fixed() []byte {
	if len(r.block)-r.at < fixed {
		r.fail(errShort)
		return nothing[:]
	}
	r.at += fixed
	return r.block[r.at-fixed : r.at]
}

// count is a whole number: of one byte nearly always.
func (r *reader) count() uint64 {
	if r.at < len(r.block) && r.block[r.at] < 0x80 {
		r.at++
		return uint64(r.block[r.at-1])
	}
	return r.large()
}

func (r *reader) large() uint64 {
	n, size := binary.Uvarint(r.block[r.at:])
	switch {
	case size == 0:
		return r.fail(errShort)
	case size < 0:
		return r.fail(errNumber)
	}
	r.at += size
	return n
}

func (r *reader) float() float64 {
	if len(r.block)-r.at < 8 {
		return float64(r.fail(errShort))
	}
	r.at += 8
	return float(r.block[r.at-8:])
}

// count is a word that is a count: at most what an int32 holds.
func count(b []byte) int { return int(min(binary.LittleEndian.Uint32(b), math.MaxInt32)) }

// float is a number; what is none, or is beyond all bounds, is 0.
func float(b []byte) float64 {
	v := math.Float64frombits(binary.LittleEndian.Uint64(b))
	if v-v != 0 {
		return 0
	}
	return v
}

// text is a string: was, if it is that one again.
func (r *reader) text(was string) string {
	b := r.bytes()
	if string(b) == was {
		return was
	}
	return string(b)
}

// name is one of the names there were, most likely the i-th, or a new string.
func (r *reader) name(were []string, i int) string {
	b := r.bytes()
	if i < len(were) && string(b) == were[i] {
		return were[i]
	}
	for _, was := range were {
		if string(b) == was {
			return was
		}
	}
	return string(b)
}

func (r *reader) bytes() []byte {
	n := r.count()
	switch {
	case n > longestName:
		r.fail(fmt.Errorf("block: a name of %d bytes, the longest has %d", n, longestName))
		return nil
	case n > uint64(len(r.block)-r.at):
		r.fail(errShort)
		return nil
	}
	r.at += int(n)
	return r.block[r.at-int(n) : r.at]
}

// fail keeps the first error, and leaves nothing to read.
func (r *reader) fail(err error) uint64 {
	if r.err == nil {
		r.err = err
	}
	r.at = len(r.block)
	return 0
}
