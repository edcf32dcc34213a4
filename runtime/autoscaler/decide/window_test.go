package decide

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// naive remembers everything.
type naive struct {
	first, now int64
	buckets    map[int64]float64
}

func (n *naive) add(amount float64, from, to int64) {
	n.now = to
	if from == to {
		n.buckets[floorDiv(to, int64(Bucket))] += amount
		return
	}
	for s := floorDiv(from, int64(Bucket)); s <= floorDiv(to, int64(Bucket)); s++ {
		overlap := min(to, (s+1)*int64(Bucket)) - max(from, s*int64(Bucket))
		n.buckets[s] += amount * float64(overlap) / float64(to-from)
	}
}

func (n *naive) average(seconds int) float64 {
	second := floorDiv(n.now, int64(Bucket))
	share := float64(n.now-second*int64(Bucket)) / float64(Bucket)
	sum := n.buckets[second] + (1-share)*n.buckets[second-int64(seconds)]
	for i := 1; i < seconds; i++ {
		sum += n.buckets[second-int64(i)]
	}
	return sum / min(max(1, float64(n.now-n.first)/float64(Bucket)), float64(seconds))
}

func TestWindow_AveragesAsOneThatRemembersEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stable := rapid.IntRange(6, 90).Draw(t, "stable")
		short := rapid.IntRange(1, stable).Draw(t, "panic")
		at := start.UnixNano() + rapid.Int64Range(0, int64(Bucket)).Draw(t, "offset")
		w := newWindow(time.Duration(stable)*Bucket, time.Duration(short)*Bucket, time.Unix(0, at))
		n := &naive{first: at, now: at, buckets: map[int64]float64{}}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			to := at + rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, int64(Bucket)), rapid.Int64Range(0, 200*int64(Bucket))).Draw(t, "step")
			amount := rapid.Float64Range(0, 1000).Draw(t, "amount")
			w.add(amount, at, to)
			n.add(amount, at, to)
			at = to
			gotStable, gotPanic := w.averages(at)
			for _, c := range []struct{ got, want float64 }{{gotStable, n.average(stable)}, {gotPanic, n.average(short)}} {
				if math.Abs(c.got-c.want) > 1e-4 {
					t.Fatalf("at %v: got %v, want %v", time.Duration(at-n.first), c.got, c.want)
				}
			}
		}
	})
}

func TestWindow_IsAValue(t *testing.T) {
	at := start.UnixNano()
	w := newWindow(6*Bucket, Bucket, start)
	w.add(10, at, at+int64(3*Bucket))
	before, stable := w, 0.0
	stable, _ = w.averages(at + int64(3*Bucket))
	w.add(1000, at+int64(3*Bucket), at+int64(9*Bucket))
	if again, _ := before.averages(at + int64(3*Bucket)); again != stable {
		t.Errorf("a copy changed from %g to %g", stable, again)
	}
}

func TestWindow_ExponentialWeighsTheNewestMost(t *testing.T) {
	at := start.UnixNano()
	rising, falling := newWindow(60*Bucket, 6*Bucket, start), newWindow(60*Bucket, 6*Bucket, start)
	for i := range int64(60) {
		from, to := at+i*int64(Bucket), at+(i+1)*int64(Bucket)
		rising.add(float64(i), from, to)
		falling.add(float64(59-i), from, to)
	}
	now := at + int64(60*Bucket)
	up, _ := rising.weighted(now)
	down, _ := falling.weighted(now)
	flat, _ := rising.averages(now)
	if up <= 50 || down >= 9 || math.Abs(flat-29.5) > 1e-6 {
		t.Errorf("rising %g, falling %g, linear %g", up, down, flat)
	}
	even := newWindow(60*Bucket, 6*Bucket, start)
	even.add(7*60.5, at, at+int64(60*Bucket+Bucket/2))
	if got, _ := even.weighted(at + int64(60*Bucket+Bucket/2)); math.Abs(got-7) > 1e-6 {
		t.Errorf("an even load of 7 weighs %g", got)
	}
}

func BenchmarkWindowAverage(b *testing.B) {
	at := start.UnixNano()
	w := newWindow(60*Bucket, 6*Bucket, start)
	w.add(100, at, at+int64(90*Bucket)+1e8)
	b.ReportAllocs()
	var sum float64
	for b.Loop() {
		s, p := w.averages(at + int64(90*Bucket) + 1e8)
		sum += s + p
	}
	if sum == 0 {
		b.Fatal("no load")
	}
}
