package peer

import (
	"bufio"
	"bytes"
	"fmt"
	"testing"

	"github.com/sluice-dev/sluice/runtime/activator"
)

func names(n int) (all []member) {
	for i := range n {
		all = append(all, member{name: fmt.Sprintf("activator-7d9f-%d", i), lender: &lender{name: fmt.Sprint(i)}})
	}
	return all
}

// When one goes only its own revisions move, and each has about its share.
func TestView_OnlyTheShareOfTheOneThatGoesMoves(t *testing.T) {
	const revisions = 3000
	three, two := newView(names(3)), newView(names(3)[:2])
	count := map[string]int{}
	for i := range revisions {
		k := activator.Key{Namespace: "default", Revision: fmt.Sprintf("hello-%d", i)}
		before, after := three.owner(k).(*lender).name, two.owner(k).(*lender).name
		count[before]++
		if before != "2" && before != after {
			t.Fatalf("%s moved from %s to %s", k, before, after)
		}
	}
	for name, n := range count {
		if n < revisions/4 || n > revisions*5/12 {
			t.Errorf("activator %s has %d of %d", name, n, revisions)
		}
	}
	if three.hash == two.hash || three.hash != newView(names(3)).hash {
		t.Error("a view's hash does not tell views apart")
	}
}

func FuzzFrame(f *testing.F) {
	good := frame{kind: place, id: 1 << 40, n: 7, after: 5, flags: flagCounted, key: activator.Key{Namespace: "n", Revision: "r"}, pod: "p", addr: "127.0.0.1:80", limit: "{}"}
	f.Add(good.append(nil))
	f.Add([]byte{0, 1, 0})
	f.Add([]byte{255, 255, 1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		var got, again frame
		if got.read(bufio.NewReader(bytes.NewReader(b)), make([]byte, maxFrame)) != nil {
			return
		}
		if err := again.read(bufio.NewReader(bytes.NewReader(got.append(nil))), make([]byte, maxFrame)); err != nil || again != got {
			t.Fatalf("%+v is read again as %+v, %v", got, again, err)
		}
	})
}

func BenchmarkOwner(b *testing.B) {
	v := newView(names(5))
	k := activator.Key{Namespace: "default", Revision: "hello-0123456789"}
	b.ReportAllocs()
	for b.Loop() {
		if v.owner(k) == nil {
			b.Fail()
		}
	}
}
