package filter

import (
	"strings"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
)

// Filter is a compiled filter. A nil Filter chooses every event.
type Filter struct{ root node }

// Match tells whether the event is chosen. With an error it is not.
func (f *Filter) Match(in *Input) (bool, error) {
	if f == nil {
		return true, nil
	}
	return f.root.match(in)
}

// MatchEvent is Match of an event that nothing else is asked about.
func (f *Filter) MatchEvent(e *cloudevents.Event) (bool, error) {
	in := Input{Event: e}
	return f.Match(&in)
}

// node is one condition.
type node interface {
	match(in *Input) (bool, error)
}

// test compares one attribute.
type test struct {
	name, value string
	how         func(have, want string) bool
}

// tests hold if all of them do.
type tests []test

func (ts tests) match(in *Input) (bool, error) {
	for i := range ts {
		have, ok := in.Event.Attribute(ts[i].name)
		if !ok || !ts[i].how(have, ts[i].value) {
			return false, nil
		}
	}
	return true, nil
}

func equal(have, want string) bool { return want == "" || have == want }

var (
	hasPrefix = strings.HasPrefix
	hasSuffix = strings.HasSuffix
)

// all holds if every one does; the first that does not decides.
type all []node

func (a all) match(in *Input) (bool, error) {
	for _, n := range a {
		if ok, err := n.match(in); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// anyOf holds if one does; the first that does decides, one that fails before it
// does not count.
type anyOf []node

func (a anyOf) match(in *Input) (bool, error) {
	var failed error
	for _, n := range a {
		ok, err := n.match(in)
		if ok && err == nil {
			return true, nil
		}
		if failed == nil {
			failed = err
		}
	}
	return false, failed
}

type not struct{ node }

func (n not) match(in *Input) (bool, error) {
	ok, err := n.node.match(in)
	return !ok && err == nil, err
}
