package kubernetes

import (
	"testing"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
)

var testID = manifest.ID{APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "a"}

func object(uid, version string) plan.Object {
	return plan.Object{ID: testID, UID: uid, ResourceVersion: version}
}

func noted(action plan.Action, o plan.Object) plan.Outcome {
	live := o
	if action == plan.Delete {
		o = plan.Object{}
	}
	return plan.Outcome{Step: plan.Step{Action: action, ID: testID, Live: live}, Object: o}
}

func TestStore_TheNewestOfAnObjectStays(t *testing.T) {
	list := func(objects ...plan.Object) map[manifest.ID]plan.Object {
		out := map[manifest.ID]plan.Object{}
		for _, o := range objects {
			out[o.ID] = o
		}
		return out
	}
	for _, c := range []struct {
		name string
		do   func(s *store)
		want string // the version that is known; empty is none
	}{
		{"a write before its event", func(s *store) { s.note(noted(plan.Create, object("u", "9"))); s.seen(object("u", "9")) }, "9"},
		{"an old event after a write", func(s *store) { s.note(noted(plan.Update, object("u", "10"))); s.seen(object("u", "9")) }, "10"},
		{"a newer event after a write", func(s *store) { s.note(noted(plan.Update, object("u", "10"))); s.seen(object("u", "11")) }, "11"},
		{"an event after a delete", func(s *store) {
			s.seen(object("u", "9"))
			s.note(noted(plan.Delete, object("u", "9")))
			s.seen(object("u", "10"))
		}, ""},
		{"a successor after a delete", func(s *store) {
			s.seen(object("u", "9"))
			s.note(noted(plan.Delete, object("u", "9")))
			s.lost(object("u", "10"))
			s.seen(object("v", "11"))
		}, "11"},
		{"a successor before the old one's end", func(s *store) {
			s.seen(object("u", "9"))
			s.note(noted(plan.Delete, object("u", "9")))
			s.note(noted(plan.Create, object("v", "11")))
			s.lost(object("u", "10"))
		}, "11"},
		{"a delete that was refused", func(s *store) {
			s.seen(object("v", "9"))
			s.note(noted(plan.Delete, object("u", "8")))
		}, "9"},
		{"an object that is no longer ours", func(s *store) { s.seen(object("u", "9")); s.lost(object("u", "10")) }, ""},
		{"a list without it", func(s *store) { s.seen(object("u", "9")); s.replace(testID.KindOf(), nil, s.mark()) }, ""},
		{"a list from before it was written", func(s *store) {
			mark := s.mark()
			s.note(noted(plan.Create, object("u", "9")))
			s.replace(testID.KindOf(), nil, mark)
		}, "9"},
		{"a list of a restored past", func(s *store) {
			s.seen(object("u", "900"))
			s.replace(testID.KindOf(), list(object("u", "12")), s.mark())
		}, "12"},
		{"a list of another kind", func(s *store) {
			s.seen(object("u", "9"))
			s.replace(manifest.Kind{APIVersion: "v1", Kind: "Secret"}, nil, s.mark())
		}, "9"},
		{"a failed write", func(s *store) {
			s.seen(object("u", "9"))
			s.note(plan.Outcome{Step: plan.Step{Action: plan.Delete, ID: testID}, Err: errOther})
		}, "9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStore()
			c.do(s)
			if got := s.copy().Of(testID).ResourceVersion; got != c.want {
				t.Errorf("version %q is known, want %q", got, c.want)
			}
		})
	}
}

func TestStore_OnlyChangesSignal(t *testing.T) {
	s := newStore()
	s.note(noted(plan.Create, object("u", "9")))
	select {
	case <-s.hint:
	default:
		t.Fatal("a write gave no signal")
	}
	s.seen(object("u", "9"))
	s.replace(testID.KindOf(), map[manifest.ID]plan.Object{testID: object("u", "9")}, s.mark())
	select {
	case <-s.hint:
		t.Fatal("the echo of a write gave a signal")
	default:
	}
}

func TestStore_ACopyThatWasGivenStaysAsItIs(t *testing.T) {
	s := newStore()
	first := object("a", "1")
	s.seen(first)
	before := s.copy()
	s.seen(first) // the watch says it again
	if s.signal(); len(s.copy()) != 1 || before[first.ID].ResourceVersion != "1" {
		t.Fatalf("%v", before)
	}
	s.seen(object("a", "2"))
	if before[first.ID].ResourceVersion != "1" || s.copy()[first.ID].ResourceVersion != "2" {
		t.Errorf("a copy that was given is %s, the next one %s", before[first.ID].ResourceVersion, s.copy()[first.ID].ResourceVersion)
	}
	s.lost(object("a", "3"))
	if len(s.copy()) != 0 || len(before) != 1 {
		t.Errorf("lost: %v, before: %v", s.copy(), before)
	}
}
