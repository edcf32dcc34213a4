package git

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
)

// packOf makes a pack of objects of a type and an announced size.
func packOf(objects ...[]byte) []byte {
	var b bytes.Buffer
	b.WriteString("PACK")
	_ = binary.Write(&b, binary.BigEndian, []uint32{2, uint32(len(objects))})
	for _, o := range objects {
		b.Write(o)
	}
	return append(b.Bytes(), make([]byte, 20)...)
}

// packed is an object in a pack: its type, the size that its header
// announces, what stands between header and content, the content.
func packed(kind byte, size int, between, content []byte) []byte {
	var b bytes.Buffer
	head := kind<<4 | byte(size&15)
	for size >>= 4; size > 0; size >>= 7 {
		b.WriteByte(head | 0x80)
		head = byte(size & 0x7f)
	}
	b.WriteByte(head)
	b.Write(between)
	w := zlib.NewWriter(&b)
	_, _ = w.Write(content)
	_ = w.Close()
	return b.Bytes()
}

func TestCheckPack_RefusesWhatInflatesTooFar(t *testing.T) {
	limits := Limits{Object: 1000, Fetch: 1000}.withDefaults()
	base := packed(3, 1, nil, []byte("x"))
	toBase := make([]byte, 20)
	delta := func(target ...byte) []byte { return append([]byte{1}, target...) }
	many := make([][]byte, 20)
	for i := range many {
		many[i] = packed(3, 900, nil, make([]byte, 900))
	}
	for _, c := range []struct {
		name    string
		pack    []byte
		refused bool
	}{
		{"small", packOf(base), false},
		{"at the limit", packOf(packed(3, 1000, nil, make([]byte, 1000))), false},
		{"above it", packOf(packed(3, 1001, nil, make([]byte, 1001))), true},
		{"announces terabytes", packOf(packed(3, 1<<42, nil, []byte("x"))), true},
		{"small delta", packOf(base, packed(7, 4, toBase, append(delta(1), 1, 'x'))), false},
		{"delta that makes terabytes", packOf(base, packed(7, 7, toBase, delta(0x80, 0x80, 0x80, 0x80, 0x80, 0x20))), true},
		{"delta that makes more than counts", packOf(base, packed(7, 12, toBase, delta(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f))), true},
		{"many", packOf(many...), true},
		{"few of the same", packOf(many[:10]...), false},
	} {
		err := checkPack(t.Context(), bytes.NewReader(c.pack), limits)
		if c.refused != errors.Is(err, ErrLimit) || !c.refused && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for name, pack := range map[string][]byte{
		"empty": nil, "no pack": []byte("hello"), "cut off": packOf(base)[:14],
		"more announced than sent":      packOf(base, nil),
		"an object longer than it says": packOf(packed(3, 10, nil, make([]byte, 500))),
	} {
		if err := checkPack(t.Context(), bytes.NewReader(pack), limits); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func FuzzCheckPack(f *testing.F) {
	f.Add(packOf(packed(3, 1, nil, []byte("x"))))
	f.Add(packOf(packed(7, 4, make([]byte, 20), []byte{1, 1, 1, 'x'})))
	limits := Limits{Object: 1 << 16, Fetch: 1 << 16}.withDefaults()
	f.Fuzz(func(t *testing.T, raw []byte) {
		if checkPack(t.Context(), bytes.NewReader(raw), limits) != nil {
			return
		}
		p := &pack{}
		if err := p.makeIndex(bytes.NewReader(raw)); err == nil && p.name == "" {
			t.Error("indexed without a name")
		}
	})
}

// Blobs stay readable while news are fetched and the clone is made afresh.
func TestRemote_IsReadWhileItIsFetched(t *testing.T) {
	each(t, func(t *testing.T, c *clone, config Config) {
		c.push("a", "0")
		r := open(t, config)
		s := head(t, r)
		done := make(chan struct{})
		var work sync.WaitGroup
		for range 2 {
			work.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					if _, err := r.Blob(t.Context(), s.Files[0].Blob, 0); err != nil {
						t.Error(err)
						return
					}
					if _, err := r.Refs(t.Context(), []string{"*"}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for i := range 5 {
			c.push("b", fmt.Sprint(i))
			if got := head(t, r); read(t, r, got, "b") != fmt.Sprint(i) {
				t.Errorf("push %d: %+v", i, got.Commit)
			}
			if !r.source.mend(t.Context(), r.last) {
				t.Error("the clone was not made afresh")
			}
		}
		close(done)
		work.Wait()
	})
}
