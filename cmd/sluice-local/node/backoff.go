package node

import "time"

// backoff is how long to wait before the next try: not at all after the first
// failure, then twice as long each time.
type backoff struct {
	first, max time.Duration
	// forgive forgets earlier failures after a run of that length; 0 never does.
	forgive time.Duration
	last    time.Duration
	started bool
}

// next returns the wait after a run of the given length.
func (b *backoff) next(ran time.Duration) time.Duration {
	if b.forgive > 0 && ran >= b.forgive {
		b.started, b.last = false, 0
	}
	if !b.started {
		b.started = true
		return 0
	}
	b.last = min(max(b.first, 2*b.last), b.max)
	return b.last
}

// timing is every wait of the node, so that tests need not live through them.
type timing struct {
	restartFirst, restartMax, restartForgive time.Duration
	pullFirst, pullMax                       time.Duration
	configFirst, configMax                   time.Duration
	probeFirst                               time.Duration
	patchFirst, patchMax, together           time.Duration
	shutdownGrace                            time.Duration
}

// realTiming is the kubelet's where it has one; an image that is missing is
// asked for more often, because the registry is on the same machine.
func realTiming() timing {
	return timing{
		restartFirst: 10 * time.Second, restartMax: 5 * time.Minute, restartForgive: 10 * time.Minute,
		pullFirst: time.Second, pullMax: 30 * time.Second,
		configFirst: time.Second, configMax: 30 * time.Second,
		probeFirst: 10 * time.Millisecond,
		patchFirst: 20 * time.Millisecond, patchMax: 5 * time.Second, together: 100 * time.Millisecond,
		shutdownGrace: 3 * time.Second,
	}
}
