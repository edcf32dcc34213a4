package kubernetes

import (
	"sync"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
)

// store is what an observer knows. Watch events and the results of our own
// writes reach it in any order; the newest of an object stays.
type store struct {
	mu   sync.Mutex
	live map[manifest.ID]known
	// gone has the UIDs of objects that we deleted and whose deletion the
	// watch has not brought yet.
	gone map[manifest.ID]string
	// words holds one copy of every label and annotation key, kind and namespace.
	words map[string]string
	// copied is what the last copy gave; nil when it is out of date.
	copied plan.Live
	notes  uint64
	hint   chan struct{}
}

// known is an object and the number of the note that brought it; 0 is the watch.
type known struct {
	object *plan.Object
	note   uint64
}

func newStore() *store {
	return &store{live: map[manifest.ID]known{}, gone: map[manifest.ID]string{}, words: map[string]string{}, hint: make(chan struct{}, 1)}
}

// changed says that something did; s.mu is held.
func (s *store) changed() {
	s.copied = nil
	s.signal()
}

// signal has whoever listens look.
func (s *store) signal() {
	select {
	case s.hint <- struct{}{}:
	default:
	}
}

// copy is everything that is known. Until something changes it is one copy,
// which nobody writes to.
func (s *store) copy() plan.Live {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.copied == nil {
		s.copied = make(plan.Live, len(s.live))
		for id, k := range s.live {
			s.copied[id] = k.object
		}
	}
	return s.copied
}

// seen is an object that the watch brought.
func (s *store) seen(o plan.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(o, 0)
}

func (s *store) put(o plan.Object, note uint64) {
	if cur, ok := s.live[o.ID]; ok && !newer(o.ResourceVersion, cur.object.ResourceVersion) {
		return
	}
	if uid, ok := s.gone[o.ID]; ok {
		if uid == o.UID {
			return
		}
		delete(s.gone, o.ID)
	}
	o = s.compact(o)
	s.live[o.ID] = known{&o, note}
	s.changed()
}

// lost is an object that is gone, or that is no longer labelled as ours.
func (s *store) lost(o plan.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone[o.ID] == o.UID {
		delete(s.gone, o.ID)
	}
	if cur, ok := s.live[o.ID]; ok && !newer(cur.object.ResourceVersion, o.ResourceVersion) {
		delete(s.live, o.ID)
		s.changed()
	}
}

// mark is a moment among the notes: what is noted after it is newer than a
// list that is asked for at that moment.
func (s *store) mark() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.notes
}

// replace makes a complete list of a kind, asked for at a mark, what is known.
func (s *store) replace(kind manifest.Kind, list map[manifest.ID]plan.Object, mark uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, cur := range s.live {
		if id.KindOf() != kind || cur.note > mark {
			continue
		}
		if _, ok := list[id]; !ok {
			delete(s.live, id)
			s.changed()
		}
	}
	for id, uid := range s.gone {
		if id.KindOf() == kind && list[id].UID != uid {
			delete(s.gone, id)
		}
	}
	for id, o := range list {
		if cur, ok := s.live[id]; ok && cur.note <= mark && newer(cur.object.ResourceVersion, o.ResourceVersion) {
			delete(s.live, id) // the server's past was restored
			s.changed()
		}
		s.put(o, 0)
	}
}

// note makes the result of a write known.
func (s *store) note(outcome plan.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes++
	if o := outcome.Object; o.UID != "" {
		s.put(o, s.notes)
		return
	}
	if outcome.Err != nil || outcome.Step.Action != plan.Delete {
		return
	}
	if cur, ok := s.live[outcome.Step.ID]; ok && (outcome.Step.Live.UID == "" || cur.object.UID == outcome.Step.Live.UID) {
		s.gone[outcome.Step.ID] = cur.object.UID
		delete(s.live, outcome.Step.ID)
		s.changed()
	}
}

// compact shares the strings that many objects have in common.
func (s *store) compact(o plan.Object) plan.Object {
	o.ID.APIVersion, o.ID.Kind, o.ID.Namespace = s.word(o.ID.APIVersion), s.word(o.ID.Kind), s.word(o.ID.Namespace)
	o.Labels, o.Annotations = s.pairs(o.Labels), s.pairs(o.Annotations)
	return o
}

func (s *store) word(w string) string {
	if shared, ok := s.words[w]; ok {
		return shared
	}
	if len(s.words) > 10_000 { // keys are few; whoever writes others does not fill our memory
		return w
	}
	s.words[w] = w
	return w
}

func (s *store) pairs(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[s.word(k)] = v
	}
	return out
}

// newer compares resource versions, which are decimal numbers.
func newer(a, b string) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a > b
}
