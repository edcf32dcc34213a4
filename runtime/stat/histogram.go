package stat

import (
	"sync/atomic"
	"time"
)

// Bounds are the upper bounds, in seconds, of a Histogram's buckets: those that
// OpenTelemetry advises for HTTP, with finer ones at the fast end.
var Bounds = [...]float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// Histogram counts durations. The zero value is ready for use.
type Histogram struct {
	buckets [len(Bounds) + 1]atomic.Uint64
	nanos   atomic.Int64
}

// Observe counts one duration.
func (h *Histogram) Observe(d time.Duration) {
	s := d.Seconds()
	i := 0
	for i < len(Bounds) && s > Bounds[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.nanos.Add(int64(d))
}

// Count is how many durations were observed.
func (h *Histogram) Count() uint64 {
	var n uint64
	for i := range h.buckets {
		n += h.buckets[i].Load()
	}
	return n
}

// Sum is the sum of the observed durations.
func (h *Histogram) Sum() time.Duration { return time.Duration(h.nanos.Load()) }

// Counts is what a Histogram had counted at one moment.
type Counts [len(Bounds) + 1]uint64

// Counts is what was counted until now.
func (h *Histogram) Counts() (c Counts) {
	for i := range h.buckets {
		c[i] = h.buckets[i].Load()
	}
	return c
}

// Since is what was counted after an earlier moment.
func (c Counts) Since(earlier Counts) Counts {
	for i := range c {
		c[i] -= earlier[i]
	}
	return c
}

// Add counts what another has counted too.
func (c *Counts) Add(more *Counts) {
	for i := range c {
		c[i] += more[i]
	}
}

// Quantile is the duration in seconds below which a share q, 0 to 1, of what
// was counted is; within a bucket it is interpolated. 0 if nothing was.
func (c Counts) Quantile(q float64) float64 {
	var total uint64
	for _, n := range c {
		total += n
	}
	rank, below := q*float64(total), 0.0
	for i, n := range c {
		if n == 0 || below+float64(n) < rank {
			below += float64(n)
			continue
		}
		if i == len(Bounds) {
			break // beyond the last bound nothing is known but that
		}
		low := 0.0
		if i > 0 {
			low = Bounds[i-1]
		}
		return low + (Bounds[i]-low)*(rank-below)/float64(n)
	}
	if total == 0 {
		return 0
	}
	return Bounds[len(Bounds)-1]
}
