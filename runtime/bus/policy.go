package bus

import (
	"math/rand/v2"
	"time"
)

// Defaults of a Policy.
const (
	DefaultConcurrency   = 64
	DefaultWindow        = 1024
	DefaultRetryDelay    = 200 * time.Millisecond
	DefaultRetryMaxDelay = 5 * time.Minute
	DefaultRetryAfterMax = 5 * time.Minute
	DefaultDrain         = 30 * time.Second
)

// Policy is how a subscription delivers.
type Policy struct {
	// Ordered delivers messages of one key one at a time, in order.
	Ordered bool
	// OrderBy gives the key. Default: Message.Key. Another one is in order only
	// as far as the topic is (in Kafka: within a partition).
	OrderBy func(*Message) string
	// Concurrency is how many handlers run at once. Default: 64. With 1, messages
	// are handled in the order of the topic as long as nothing fails, on a bus
	// that promises Sequence; one that is tried again lets others pass.
	Concurrency int
	// Rate is how many calls of the handler begin a second; 0 is no limit.
	Rate float64
	// Window is how many messages may be unsettled at once: running, waiting and
	// between two attempts. When it is full of failing ones nothing new is
	// fetched: the subscriber is down. Default: 1024, at least twice
	// Concurrency.
	Window int
	// Retry says when a message comes again.
	Retry RetryPolicy
	// Dedupe is for how long a second copy of a message is left out; 0 is
	// never. What was seen is kept in memory and, where the bus has History,
	// read back at the start.
	Dedupe time.Duration
	// DeadLetter is the topic for dead messages. "" and no OnDead: they are
	// dropped, counted and logged.
	DeadLetter string
	// OnDead is called for a dead message instead of DeadLetter; the message is
	// settled when it returns nil, and comes to it again with backoff when not.
	OnDead DeadHandler
	// Drain is how long running handlers have to end when the subscription
	// stops, before their context ends. Default: 30 s.
	Drain time.Duration
}

// RetryPolicy is an exponential backoff with jitter and a cap.
type RetryPolicy struct {
	// Attempts is how often the handler is called at most; 0 is without end.
	Attempts int
	// Delay is the wait before the second attempt. Default: 200 ms; negative is
	// none.
	Delay time.Duration
	// MaxDelay caps the backoff. Default: 5 min.
	MaxDelay time.Duration
	// Linear waits Delay, 2*Delay, 3*Delay instead of doubling.
	Linear bool
	// AfterMax caps what a Verdict asks for. Default: 5 min; negative ignores
	// it.
	AfterMax time.Duration
}

func (p Policy) withDefaults() Policy {
	if p.OrderBy == nil {
		p.OrderBy = func(m *Message) string { return m.Key }
	}
	or(&p.Concurrency, DefaultConcurrency)
	or(&p.Window, DefaultWindow)
	p.Window = max(p.Window, 2*p.Concurrency)
	or(&p.Drain, DefaultDrain)
	p.Retry = p.Retry.WithDefaults()
	return p
}

// WithDefaults is the policy with what is left out filled in.
func (p RetryPolicy) WithDefaults() RetryPolicy {
	or(&p.Delay, DefaultRetryDelay)
	or(&p.MaxDelay, DefaultRetryMaxDelay)
	or(&p.AfterMax, DefaultRetryAfterMax)
	return p
}

func or[T int | time.Duration](v *T, otherwise T) {
	if *v == 0 {
		*v = otherwise
	}
}

// Wait is how long after the failed attempt (1, 2, ...) the next one comes; after
// is what was asked for. The policy has its defaults.
func (p RetryPolicy) Wait(attempt int, after time.Duration) time.Duration {
	return max(jitter(p.backoff(attempt)), min(after, p.AfterMax), 0)
}

// backoff is Wait without jitter and without what was asked for.
func (p RetryPolicy) backoff(attempt int) time.Duration {
	if p.Delay <= 0 {
		return 0
	}
	d := p.Delay
	for i := 1; i < attempt && d < p.MaxDelay; i++ {
		if p.Linear {
			d += p.Delay
		} else {
			d *= 2
		}
	}
	return min(d, p.MaxDelay)
}

// jitter takes off up to a half, so that those who failed together do not come
// again together.
func jitter(d time.Duration) time.Duration {
	if d <= 1 {
		return d
	}
	return d - rand.N(d/2)
}
