package git

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"time"
)

const (
	// after a change the next looks are this much closer together, for the
	// next change often follows soon.
	quickDivisor = 6
	quickLooks   = 20
	// while a remote is away, looks are at most this far apart.
	longestPause = 2 * time.Minute
)

// run polls. What it finds is fetched before it is announced, so that the
// Head that follows has nothing to wait for.
func (m *remote) run(ctx context.Context, changed func()) error {
	failures, quick := 0, 0
	for {
		moved, err := m.poke(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		m.report(ctx, err, failures)
		switch {
		case err != nil:
			failures++
		case moved || failures > 0:
			failures, quick = 0, quickLooks
			changed()
		case quick > 0:
			quick--
		}
		if err := sleep(ctx, m.pause(failures, quick)); err != nil {
			return err
		}
	}
}

// poke looks, and reports whether any reference moved since tip was last
// asked.
func (m *remote) poke(ctx context.Context) (moved bool, err error) {
	if err := m.look(ctx); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ahead = !maps.Equal(m.refs, m.given)
	return m.ahead, nil
}

// report logs when a remote goes away and when it is back, and nothing
// between.
func (m *remote) report(ctx context.Context, err error, failures int) {
	switch {
	case err != nil && failures == 0:
		m.log.WarnContext(ctx, "cannot read the repository, trying again", "error", err)
	case err != nil:
		m.log.DebugContext(ctx, "still cannot read the repository", "error", err, "attempt", failures+1)
	case failures > 0:
		m.log.InfoContext(ctx, "the repository can be read again", "attempts", failures)
	}
}

// pause is how long to wait before the next look.
func (m *remote) pause(failures, quick int) time.Duration {
	switch {
	case failures > 0:
		first := min(time.Second, m.poll)
		longest := max(longestPause, m.poll)
		doubled := first << min(failures-1, 20)
		return spread(min(doubled, longest), 4)
	case quick > 0:
		return spread(max(m.poll/quickDivisor, min(time.Second, m.poll)), 10)
	}
	return spread(m.poll, 10)
}

// spread takes off or adds up to a part of d, so that many do not come at
// once.
func spread(d time.Duration, part int64) time.Duration {
	most := int64(d) / part
	return d + time.Duration(rand.Int64N(2*most+1)-most)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// explain gives errors their kind, the repository's name and advice, and
// takes credentials out of them.
func (m *remote) explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var known *Error
	if !errors.As(err, &known) {
		err = m.dialer.explain(err)
	}
	if errors.As(err, &known) {
		named := *known
		named.Repository = m.place.String()
		return &named
	}
	return &Error{Repository: m.place.String(), Kind: ErrUnreachable, Cause: err, Advice: "check the network and the URL; trying again by itself"}
}
