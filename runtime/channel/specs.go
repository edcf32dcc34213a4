package channel

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/sluice-dev/sluice/schema/contract"
)

// specs is what was told, by the object that told it.
type specs struct {
	dispatcher string // whose channels are ours

	mu            sync.Mutex // guards the rest
	buses         map[string]contract.Bus
	channels      map[string]contract.Channel
	subscriptions map[string]contract.Subscription
}

// Set tells what an object carries: kind is contract.EventsBus and so on, data
// its JSON. On an error what the object told before stays.
func (d *Dispatcher) Set(object, kind string, data []byte) error {
	if err := d.specs.set(object, kind, data); err != nil {
		return err
	}
	d.tell()
	return nil
}

// Delete tells that an object is gone.
func (d *Dispatcher) Delete(object string) {
	d.specs.mu.Lock()
	delete(d.specs.buses, object)
	delete(d.specs.channels, object)
	delete(d.specs.subscriptions, object)
	d.specs.mu.Unlock()
	d.tell()
}

func (s *specs) set(object, kind string, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch kind {
	case contract.EventsBus:
		return read(&s.buses, object, data)
	case contract.EventsChannel:
		return read(&s.channels, object, data)
	case contract.EventsSubscription:
		return read(&s.subscriptions, object, data)
	}
	return fmt.Errorf("%s: label %s=%q is not known", object, contract.LabelEvents, kind)
}

func read[T any](m *map[string]T, object string, data []byte) error {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("%s: key %s: %w", object, contract.KeyEvents, err)
	}
	if *m == nil {
		*m = map[string]T{}
	}
	(*m)[object] = v
	return nil
}

// busOf is the bus of a channel.
func busOf(c contract.Channel) contract.Ref {
	if c.Bus.Name == "" {
		return contract.Ref{Name: contract.DefaultBus}
	}
	return c.Bus
}

// busRefs are the buses that any channel is on, and the one that this dispatcher is
// there for: channels that moved may have left something on it.
func (s *specs) busRefs() []contract.Ref {
	seen := map[contract.Ref]bool{}
	for _, c := range s.allChannels() {
		seen[busOf(c)] = true
	}
	s.mu.Lock()
	for _, b := range s.buses {
		if s.dispatcher != contract.Channels && contract.DispatcherOf(b.Ref, b.Driver) == s.dispatcher {
			seen[b.Ref] = true
		}
	}
	s.mu.Unlock()
	return slices.SortedFunc(maps.Keys(seen), compareRefs)
}

// bus is a bus's spec. The default bus, and those that are named after a driver
// that needs no parameters, are there without one.
func (s *specs) bus(ref contract.Ref) (contract.Bus, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.buses {
		if b.Ref == ref {
			return b, true
		}
	}
	if ref.Namespace == "" && (ref.Name == contract.DriverJetStream || ref.Name == contract.DriverMemory) {
		return contract.Bus{Ref: ref, Driver: ref.Name}, true
	}
	return contract.Bus{}, false
}

// ours tells whether a channel is this dispatcher's.
func (s *specs) ours(c contract.Channel) bool {
	return cmp.Or(c.Dispatcher, contract.Channels) == s.dispatcher
}

// allChannels are those of this dispatcher.
func (s *specs) allChannels() []contract.Channel { return s.chosen(s.ours) }

// elsewhere are those of other dispatchers.
func (s *specs) elsewhere() []contract.Channel {
	return s.chosen(func(c contract.Channel) bool { return !s.ours(c) })
}

func (s *specs) chosen(is func(contract.Channel) bool) (out []contract.Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.channels {
		if is(c) {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b contract.Channel) int { return compareRefs(a.Ref, b.Ref) })
	return out
}

// on returns the channels of a bus and the subscriptions of those.
func (s *specs) on(ref contract.Ref) (channels map[contract.Ref]contract.Channel, subscriptions map[contract.Ref]contract.Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	channels, subscriptions = map[contract.Ref]contract.Channel{}, map[contract.Ref]contract.Subscription{}
	for _, c := range s.channels {
		if busOf(c) == ref && s.ours(c) {
			channels[c.Ref] = c
		}
	}
	for _, sub := range s.subscriptions {
		if _, ok := channels[sub.Channel]; ok {
			subscriptions[sub.Ref] = sub
		}
	}
	return channels, subscriptions
}

// orphans are the subscriptions whose channel is nowhere; they are told of by
// one dispatcher alone.
func (s *specs) orphans() []contract.Subscription {
	if s.dispatcher != contract.Channels {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := map[contract.Ref]bool{}
	for _, c := range s.channels {
		known[c.Ref] = true
	}
	var out []contract.Subscription
	for _, sub := range s.subscriptions {
		if !known[sub.Channel] {
			out = append(out, sub)
		}
	}
	return out
}

func compareRefs(a, b contract.Ref) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}

// Names on the bus: of a channel's topic, of a subscription, of the topic of its
// dead events, and of the topic that remembers replays. An underscore keeps them
// apart, for no name in Kubernetes has one.
func topicName(channel contract.Ref) string    { return channel.Namespace + "." + channel.Name }
func subscriptionName(sub contract.Ref) string { return sub.Namespace + "." + sub.Name }
func deadTopicName(sub contract.Ref) string    { return "dead_" + subscriptionName(sub) }
func ownTopic(name string) bool                { return strings.Contains(name, "_") }

const (
	replayTopic = "sluice_replays"
	// redriver is the subscription by which dead events are taken back.
	redriver = "redrive"
)
