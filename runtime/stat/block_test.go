package stat_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/runtime/stat"
)

// inner is what a block has after its mark and length.
func inner(t interface{ Fatalf(string, ...any) }, block []byte) []byte {
	length, size := binary.Uvarint(block[1:])
	if block[0] != stat.BlockMark || size <= 0 || int(length) != len(block)-1-size || length >= stat.BlockLongest {
		t.Fatalf("mark %#x, length %d of %d bytes", block[0], length, len(block))
	}
	return block[1+size:]
}

// unpack copies all frames of a block.
func unpack(u *stat.Unpacker, block []byte) (frames []stat.Frame, err error) {
	u.Begin(block)
	for told, more := u.Next(); more; told, more = u.Next() {
		f := *told.Frame
		f.Pods = append([]stat.Pod(nil), f.Pods...)
		frames = append(frames, f)
	}
	return frames, u.Err()
}

func anyFrame(t *rapid.T) stat.Frame {
	number := rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(-1e300, 1e300))
	count := rapid.IntRange(0, 1<<31-1)
	f := stat.Frame{
		Activator: "a1",
		Namespace: rapid.SampledFrom([]string{"default", "shop", strings.Repeat("n", 253)}).Draw(t, "namespace"),
		Revision:  fmt.Sprint("hello-", rapid.IntRange(1, 40).Draw(t, "revision")),
		InFlight:  count.Draw(t, "in flight"), Queued: count.Draw(t, "queued"), Ready: count.Draw(t, "ready"),
		Concurrency: number.Draw(t, "concurrency"), Requests: number.Draw(t, "requests"), Seconds: number.Draw(t, "seconds"),
		P50: number.Draw(t, "p50"), P95: number.Draw(t, "p95"), Errors: number.Draw(t, "errors"), Wake: rapid.Bool().Draw(t, "wake"),
	}
	for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(f.Slow)-1), 0, 5).Draw(t, "buckets") {
		f.Slow[i] = rapid.Uint64().Draw(t, "answered")
	}
	for _, i := range rapid.SliceOfN(rapid.IntRange(0, 99), 0, stat.PodsTold).Draw(t, "pods") {
		f.Pods = append(f.Pods, stat.Pod{Name: fmt.Sprint("pod-", i), InFlight: count.Draw(t, "at it"), Retiring: rapid.Bool().Draw(t, "retiring")})
	}
	return f
}

func TestBlock_WhatIsPackedIsUnpacked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, u := stat.NewPacker("a1"), new(stat.Unpacker)
		var packed, got []stat.Frame
		flush := func() {
			frames, err := unpack(u, inner(t, p.Take()))
			if err != nil {
				t.Fatalf("%v", err)
			}
			got = append(got, frames...)
		}
		for range rapid.IntRange(1, 60).Draw(t, "frames") {
			f := anyFrame(t)
			if !p.Add(&f) {
				flush()
				p.Add(&f)
			}
			packed = append(packed, f)
			if rapid.Bool().Draw(t, "flush") {
				flush()
			}
		}
		flush()
		if diff := cmp.Diff(packed, got); diff != "" {
			t.Fatalf("%s", diff)
		}
	})
}

func TestBlock_NamesCrossOnceAndBeginAnewWhenThereAreTooMany(t *testing.T) {
	p, u := stat.NewPacker("a1"), new(stat.Unpacker)
	named := map[string]int{}
	tell := func(i int) {
		f := stat.Frame{Activator: "a1", Namespace: "default", Revision: fmt.Sprint("hello-", i)}
		p.Add(&f)
		u.Begin(inner(t, p.Take()))
		told, more := u.Next()
		if !more || told.Frame.Revision != f.Revision || told.Frame.Activator != "a1" || told.Number >= stat.BlockNames {
			t.Fatalf("%d: %+v, %v", i, told, u.Err())
		}
		if told.Named {
			named[f.Revision]++
		}
	}
	for range 3 {
		for i := range stat.BlockNames {
			tell(i)
		}
	}
	if named["hello-0"] != 1 || named["hello-4095"] != 1 {
		t.Errorf("named %d times", named["hello-0"])
	}
	tell(stat.BlockNames)
	tell(0)
	if named["hello-0"] != 2 {
		t.Error("the name was not told anew")
	}
}

func TestUnpacker_RefusesWhatIsNoBlock(t *testing.T) {
	begun := func(rest ...byte) []byte { return append([]byte{0, 2, 'a', '1'}, rest...) }
	named := func(rest ...byte) []byte { return begun(append([]byte{1, 1, 'n', 1, 'r'}, rest...)...) }
	common := func(first ...byte) []byte { return append(first, make([]byte, 40-len(first))...) }
	for _, tt := range []struct {
		name, want string
		block      []byte
	}{
		{"a revision before the activator", "names the activator", []byte{1, 1, 'n', 1, 'r'}},
		{"a number beyond the next", "revision number 2 after 0", begun(2, 1, 'n', 1, 'r')},
		{"no names", "no namespace or no name", begun(1, 0, 0)},
		{"a name that ends early", "ends within a record", begun(1, 9, 'n')},
		{"a name that is too long", "a name of 300 bytes", begun(1, 0xac, 2, 'n')},
		{"half a record", "ends within a record", named(0, 0, 0)},
		{"a flag of the future", "flags 0x80 are not known", named(common(0x80)...)},
		{"a count of the future", "are not known", named(common(0, 0, 0, 0x80)...)},
		{"too many pods", "65 pods", named(append(common(8), 65)...)},
		{"a number without end", "more than 64 bits", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := new(stat.Unpacker)
			if frames, err := unpack(u, tt.block); err == nil || !strings.Contains(err.Error(), tt.want) || len(frames) > 0 {
				t.Errorf("%v, %d frames", err, len(frames))
			}
			if frames, err := unpack(u, named(common()...)); err == nil || len(frames) > 0 {
				t.Errorf("it goes on after an error: %d frames", len(frames))
			}
		})
	}
}

func FuzzUnpacker(f *testing.F) {
	p := stat.NewPacker("a1")
	p.Add(&stat.Frame{Namespace: "default", Revision: "hello-1", InFlight: 3, P50: 1, Errors: 2, Wake: true, Slow: stat.Counts{1, 2}, Pods: []stat.Pod{{Name: "p"}}})
	f.Add(append([]byte(nil), p.Take()[2:]...))
	p.Add(&stat.Frame{Namespace: "default", Revision: "hello-2"})
	f.Add(append([]byte(nil), p.Take()[2:]...))
	f.Fuzz(func(t *testing.T, block []byte) {
		u := new(stat.Unpacker)
		frames, _ := unpack(u, block)
		again, _ := unpack(u, block)
		for _, f := range append(frames, again...) {
			if f.Namespace == "" || f.Revision == "" || f.InFlight < 0 || f.Concurrency != f.Concurrency || len(f.Pods) > stat.PodsTold {
				t.Fatalf("%+v", f)
			}
		}
	})
}
