package demand

import (
	"github.com/sluice-dev/sluice/runtime/activator"
	"github.com/sluice-dev/sluice/runtime/stat"
)

// soFar is what had been told of a revision's answers by its last frame,
// also of one that has been quiet since.
type soFar struct {
	slow   stat.Counts
	errors uint64
}

// mostAnswered bounds how many revisions that is remembered of. Beyond it all
// are told of anew: the receiver compares revisions with each other, and both
// sides of a comparison are told alike.
const mostAnswered = 16384

// answers adds to a frame what was answered since the frame before it. Only
// watch calls it.
func (t *Teller) answers(f *stat.Frame, key activator.Key) {
	now := soFar{slow: t.source.Durations(key), errors: t.source.Errors(key)}
	before := t.said[key]
	if now.errors < before.errors || shrunk(now.slow, before.slow) {
		before = soFar{} // the activator had forgotten the revision
	}
	f.Slow, f.Errors = now.slow.Since(before.slow), float64(now.errors-before.errors)
	if len(t.said) >= mostAnswered {
		clear(t.said)
	}
	t.said[key] = now
}

func shrunk(now, before stat.Counts) bool {
	for i := range now {
		if now[i] < before[i] {
			return true
		}
	}
	return false
}
