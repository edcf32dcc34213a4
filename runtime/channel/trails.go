package channel

import (
	"slices"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/schema/contract"
)

const (
	// maxTrails is how many events are remembered: the newest. About 400 bytes each.
	maxTrails = 20_000
	// maxStops bounds their stops together: about 100 bytes each.
	maxStops = 100_000
)

// trails remembers what became of the newest events.
type trails struct {
	mu    sync.Mutex // guards the rest
	byKey map[trailKey]*trail
	ring  []trailKey // of byKey; the oldest at first
	first int
	stops int // of all
}

type trailKey struct {
	channel contract.Ref
	id      string // identity
}

type trail struct {
	typ, position string
	accepted      time.Time
	stops         []stop
}

// stop is a contract.Stop whose subscription is not spelled yet.
type stop struct {
	sub      contract.Ref
	outcome  string
	attempts int
	at       time.Time
	status   int
	text     string
}

func newTrails(max int) *trails {
	return &trails{byKey: map[trailKey]*trail{}, ring: make([]trailKey, max)}
}

// accepted notes an event that was stored.
func (t *trails) accepted(c *live, m *bus.Message, typ string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	tr := t.of(trailKey{c.spec.Ref, m.ID}, typ)
	tr.accepted, tr.position = now, m.Position
}

// stopped notes what became of an event at a subscription.
func (t *trails) stopped(channel contract.Ref, m *bus.Message, typ string, s stop) {
	t.mu.Lock()
	defer t.mu.Unlock()
	tr := t.of(trailKey{channel, m.ID}, typ)
	if tr.position == "" {
		tr.position = m.Position
	}
	if tr.accepted.IsZero() {
		tr.accepted = m.Published
	}
	i := slices.IndexFunc(tr.stops, func(old stop) bool { return old.sub == s.sub })
	if i < 0 {
		tr.stops = append(tr.stops, s)
		for t.stops++; t.stops > maxStops && len(t.byKey) > 1; {
			t.forget()
		}
		return
	}
	tr.stops[i] = s
}

// forget forgets the oldest event. Under mu.
func (t *trails) forget() {
	key := t.ring[t.first]
	t.stops -= len(t.byKey[key].stops)
	delete(t.byKey, key)
	t.ring[t.first] = trailKey{}
	t.first = (t.first + 1) % len(t.ring)
}

// of is an event's trail; a new one takes the place of the oldest. Under mu.
func (t *trails) of(key trailKey, typ string) *trail {
	if tr := t.byKey[key]; tr != nil {
		return tr
	}
	if len(t.byKey) == len(t.ring) {
		t.forget()
	}
	t.ring[(t.first+len(t.byKey))%len(t.ring)] = key
	tr := &trail{typ: typ}
	t.byKey[key] = tr
	return tr
}

// at is what became of the event at a subscription, as far as that is known.
func (t *trail) at(sub contract.Ref) (stop, bool) {
	i := slices.IndexFunc(t.stops, func(s stop) bool { return s.sub == sub })
	if i < 0 {
		return stop{}, false
	}
	return t.stops[i], true
}

// get is a trail by its key; one that was forgotten is empty.
func (t *trails) get(key trailKey) *trail {
	t.mu.Lock()
	defer t.mu.Unlock()
	tr := t.byKey[key]
	if tr == nil {
		return &trail{}
	}
	found := *tr
	found.stops = slices.Clone(tr.stops)
	return &found
}

// find returns the trails of an id, of any source if none is given.
func (t *trails) find(id, source string) map[trailKey]trail {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := map[trailKey]trail{}
	for key, tr := range t.byKey {
		if s, i := split(key.id); i == id && (source == "" || s == source) {
			found := *tr
			found.stops = slices.Clone(tr.stops)
			out[key] = found
		}
	}
	return out
}
