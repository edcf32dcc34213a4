package bus

import "sync/atomic"

// Stats is what a Subscription has done since it was made.
type Stats struct {
	// Received counts messages that came from the bus, Acked those that are done.
	Received, Acked int64
	// Attempts counts calls of the handler, Retries those that were to come
	// again.
	Attempts, Retries int64
	// Dead counts messages given up, Dropped those of them that went nowhere.
	Dead, Dropped int64
	// Duplicates counts copies left out by Dedupe, Others messages that were for
	// another subscription.
	Duplicates, Others int64
	// Reopened counts how often the bus ended the stream.
	Reopened int64
	// Held is how many messages are unsettled now, Running in how many handlers.
	Held, Running int64
}

type counters struct {
	received, acked, attempts, retries, dead, dropped, duplicates, others, reopened, held, running atomic.Int64
}

// Stats returns the counts up to now.
func (s *Subscription) Stats() Stats {
	c := &s.stats
	return Stats{
		Received: c.received.Load(), Acked: c.acked.Load(),
		Attempts: c.attempts.Load(), Retries: c.retries.Load(),
		Dead: c.dead.Load(), Dropped: c.dropped.Load(),
		Duplicates: c.duplicates.Load(), Others: c.others.Load(),
		Reopened: c.reopened.Load(), Held: c.held.Load(), Running: c.running.Load(),
	}
}
