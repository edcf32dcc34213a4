package rollout_test

import (
	"testing"

	"github.com/sluice-dev/sluice/engine/rollout"
)

// answers are requests of which some fail, all in one bucket of durations.
func answers(requests, errors float64, bucket int) rollout.Answers {
	slow := make([]float64, len(rollout.Bounds)+1)
	slow[bucket] = requests
	return rollout.Answers{Requests: requests, Errors: errors, Slow: slow}
}

func TestWorse_NeedsEvidence(t *testing.T) {
	for _, test := range []struct {
		name         string
		older, newer rollout.Answers
		want         string
	}{
		{"nobody asked", answers(1000, 0, 2), rollout.Answers{}, ""},
		{"as good", answers(1000, 10, 2), answers(100, 1, 2), ""},
		{"one error of a few is chance", answers(1000, 1, 2), answers(5, 1, 2), ""},
		{"three of three are none", answers(1000, 1, 2), answers(3, 3, 2), "3 of 3 requests (100.0 %) failed, against 1 of 1000 requests (0.1 %) before"},
		{"a fifth fails", answers(1000, 10, 2), answers(50, 10, 2), "10 of 50 requests (20.0 %) failed, against 10 of 1000 requests (1.0 %) before"},
		{"the older one is as bad", answers(1000, 210, 2), answers(50, 10, 2), ""},
		{"nothing to compare with", rollout.Answers{}, answers(50, 50, 2), ""},
		{"slower", answers(1000, 0, 5), answers(60, 0, 9), "9 of 10 requests are answered within 500ms, against 50ms before"},
		{"slower, but who would notice", answers(1000, 0, 0), answers(60, 0, 3), ""},
		{"slower, too few", answers(1000, 0, 5), answers(49, 0, 9), ""},
		{"slower than can be told", answers(1000, 0, 14), answers(60, 0, 16), "9 of 10 requests are answered within 20s, against 7.5s before"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := rollout.Worse(test.older, test.newer); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
