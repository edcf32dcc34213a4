package desired

import "time"

// Rollout says how a share that follows a configuration moves to a newer
// revision. The zero Rollout moves it at once. Duration and Steps exclude
// each other.
type Rollout struct {
	// Duration is how long the newer revision takes, in even steps, to get the
	// whole share: Knative's rollout-duration.
	Duration time.Duration
	// Steps are the percents of the share that the newer revision has, one
	// after the other, each for Every. They ascend, and the last is 100.
	Steps []int64
	Every time.Duration
}

// IsZero reports whether everything moves at once.
func (r Rollout) IsZero() bool { return r.Duration <= 0 && len(r.Steps) == 0 }
