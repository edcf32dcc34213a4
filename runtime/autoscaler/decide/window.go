package decide

import (
	"math"
	"time"
)

// Bucket is how finely load is remembered.
const Bucket = time.Second

// unit is how many parts a request, or a request for a second, is counted in:
// whole numbers do not drift as they are added and taken away again.
const unit = 1e6

// window adds up a load per second, and gives its average over the last
// seconds. It is a value: what is kept in ring is never written again.
type window struct {
	ring   []int64 // finished seconds; second i is at i modulo the length
	second int64   // the second that is being filled, of the Unix epoch
	part   int64   // its sum so far
	stable int64   // the sum of all in ring
	rush   int64   // the sum of the last few
	recent int     // how many those are
	first  int64   // when counting began, in nanoseconds of the Unix epoch
}

func newWindow(stable, short time.Duration, now time.Time) window {
	n := max(1, int(stable/Bucket))
	return window{
		ring: make([]int64, n), recent: min(n, max(1, int(short/Bucket))),
		second: floorDiv(now.UnixNano(), int64(Bucket)), first: now.UnixNano(),
	}
}

// add spreads amount evenly over the time from one moment, the last that was
// added or a later one, to another, which becomes the newest.
func (w *window) add(amount float64, from, to int64) {
	end := floorDiv(to, int64(Bucket))
	start := max(floorDiv(from, int64(Bucket)), w.second)
	if end <= start {
		w.part += int64(math.Round(amount * unit))
		return
	}
	per := amount * unit / float64(to-from)
	w.part += int64(math.Round(per * float64((start+1)*int64(Bucket)-from)))
	ring := w.own()
	if n := int64(len(ring)); end-start > n { // longer ago than is remembered
		clear(ring)
		w.stable, w.rush, w.part = 0, 0, int64(per*float64(Bucket))
		start = end - n
	}
	for s := start + 1; s <= end; s++ {
		w.push(ring, s)
		w.part = int64(math.Round(per * float64(min(to, (s+1)*int64(Bucket))-s*int64(Bucket))))
	}
}

// own replaces ring by a copy that may be written until the call ends.
func (w *window) own() []int64 {
	ring := make([]int64, len(w.ring))
	copy(ring, w.ring)
	w.ring = ring
	return ring
}

// push finishes the second that is being filled, and begins s.
func (w *window) push(ring []int64, s int64) {
	done := s - 1
	w.rush += w.part - ring[w.slot(done-int64(w.recent))]
	w.stable += w.part - ring[w.slot(done)]
	ring[w.slot(done)] = w.part
	w.second, w.part = s, 0
}

func (w *window) slot(second int64) int {
	n := int64(len(w.ring))
	return int(((second % n) + n) % n)
}

// averages are those over the stable and the panic window that end at now, the
// newest moment that was added. Where counting began later, only the time
// since then counts, but at least one second.
func (w *window) averages(now int64) (stable, rush float64) {
	into := now - w.second*int64(Bucket) // how far the newest second is
	share := float64(into) / float64(Bucket)
	covered := max(1, float64(now-w.first)/float64(Bucket))
	average := func(sum int64, n int) float64 {
		oldest := float64(w.ring[w.slot(w.second-int64(n))])
		total := float64(sum) + float64(w.part) - share*oldest
		return max(0, math.Round(total/min(covered, float64(n)))/unit)
	}
	return average(w.stable, len(w.ring)), average(w.rush, w.recent)
}

// weighted are exponentially weighted averages over the same windows: the
// newest second counts most.
func (w *window) weighted(now int64) (stable, rush float64) {
	return w.exponential(now, len(w.ring)), w.exponential(now, w.recent)
}

func (w *window) exponential(now int64, n int) float64 {
	share := float64(now-w.second*int64(Bucket)) / float64(Bucket)
	coefficient := max(1-math.Pow(1-0.9999, 1/float64(n)), 0.2)
	covered := min(n, max(1, int((now-w.first)/int64(Bucket))))
	newer := float64(w.part)
	weight, weights, sum := coefficient, 0.0, 0.0
	for i := 1; i <= covered && weight > 1e-9; i++ {
		bucket := float64(w.ring[w.slot(w.second-int64(i))])
		sum += weight * (newer + (1-share)*bucket) // one second, ending as far into a bucket as now is
		newer = share * bucket
		weights += weight
		weight *= 1 - coefficient
	}
	return max(0, math.Round(sum/weights)/unit)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
