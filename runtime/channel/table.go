package channel

import (
	"log/slog"
	"sync/atomic"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/schema/contract"
)

// table finds a channel for a request. It is made anew for every change.
type table struct {
	hosts, paths map[string]*live
	refs         map[contract.Ref]*live
	away         map[contract.Ref]*sink // channels of other dispatchers
	made         bool                   // everything that was there at the start was tried
}

// live is a channel that takes events; or, with why, one that cannot yet.
type live struct {
	spec  contract.Channel
	topic *bus.Topic
	why   string
	away  bool   // another dispatcher has it
	order string // the attribute that keeps events in order
	count *channelCount
}

// channelCount is what a channel did since the process began.
type channelCount struct{ in, refused atomic.Int64 }

// add puts a channel in. A host that another one has already stays with that.
func (t *table) add(c *live, log *slog.Logger) {
	t.refs[c.spec.Ref] = c
	for _, host := range c.spec.Hosts {
		claim(t.hosts, host, c, log)
	}
	for _, path := range c.spec.Paths {
		claim(t.paths, path, c, log)
	}
}

func claim(m map[string]*live, key string, c *live, log *slog.Logger) {
	if other := m[key]; other != nil && other.spec.Ref != c.spec.Ref {
		log.Warn("address is taken by another channel", "address", key, "channel", c.spec.Ref, "other", other.spec.Ref)
		return
	}
	m[key] = c
}

// maxBytes is the largest event that the channel takes.
func (c *live) maxBytes() int64 {
	if c.spec.MaxBytes > 0 {
		return c.spec.MaxBytes
	}
	return contract.DefaultMaxEventBytes
}
