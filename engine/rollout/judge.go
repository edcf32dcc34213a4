package rollout

import (
	"fmt"
	"math"
	"time"
)

// Answers is how a revision answered within a span of time.
type Answers struct {
	// Requests were answered, Errors of them with a status of 500 or more, or
	// not to their end.
	Requests, Errors float64
	// Slow counts answers by duration: those up to each of Bounds, then longer ones.
	Slow []float64
}

// Bounds are the upper bounds of Answers.Slow, in seconds.
var Bounds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

const (
	// confidence, in standard deviations, that a difference is none of chance:
	// 99 % one-sided.
	confidence = 2.33
	// leastErrors have to be there at all.
	leastErrors = 3
	// slowRequests are needed of either side to compare durations.
	slowRequests = 50
	// slowFactor and slowMargin are by how much the 90th percentile has to be
	// worse: twice, and 50 ms.
	slowFactor = 2
	slowMargin = 50 * time.Millisecond
)

// Worse says why the newer revision answers worse than the older one; empty
// if it does not, or if too few requests tell. It fails more often with 99 %
// confidence, or its 90th percentile is twice as long.
func Worse(older, newer Answers) string {
	if low, _ := wilson(newer); newer.Errors >= leastErrors && low > high(older) {
		return fmt.Sprintf("%s failed, against %s before", ratio(newer), ratio(older))
	}
	if older.Requests < slowRequests || newer.Requests < slowRequests {
		return ""
	}
	was, is := percentile(older.Slow, 0.9), percentile(newer.Slow, 0.9)
	if is > slowFactor*was && is-was > slowMargin.Seconds() {
		return fmt.Sprintf("9 of 10 requests are answered within %s, against %s before", seconds(is), seconds(was))
	}
	return ""
}

// high is the most of the older revision's requests that may fail.
func high(a Answers) float64 {
	_, h := wilson(a)
	return h
}

// wilson is the interval, by Wilson's score, that holds the share of requests
// that fail. Of nothing it is everything.
func wilson(a Answers) (low, high float64) {
	if a.Requests <= 0 {
		return 0, 1
	}
	n, z2 := a.Requests, confidence*confidence
	p := min(1, max(0, a.Errors/n))
	middle := p + z2/(2*n)
	spread := confidence * math.Sqrt(p*(1-p)/n+z2/(4*n*n))
	return (middle - spread) / (1 + z2/n), (middle + spread) / (1 + z2/n)
}

// percentile is the upper bound of the bucket that holds it, in seconds.
func percentile(slow []float64, share float64) float64 {
	all, n := 0.0, 0.0
	for _, count := range slow {
		all += count
	}
	for i, count := range slow {
		if n += count; n >= share*all && i < len(Bounds) {
			return Bounds[i]
		}
	}
	return 2 * Bounds[len(Bounds)-1]
}

func ratio(a Answers) string {
	if a.Requests <= 0 {
		return "none of 0 requests"
	}
	return fmt.Sprintf("%.0f of %.0f requests (%.1f %%)", a.Errors, a.Requests, 100*a.Errors/a.Requests)
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond)
}
