package channel

import (
	"strconv"

	"github.com/sluice-dev/sluice/runtime/channel/attempt"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

const (
	// circle is how traces speak of what was stopped here.
	circle = "events go in a circle (" + contract.ExtensionTTL + " has counted down)"
	// deadLetterTurns is what a dead letter counts. It is more than an event's way
	// through a channel, because several subscriptions that each write a letter of
	// an event make more of it with every turn.
	deadLetterTurns = 50
)

// isChannel tells whether what is sent to a sink comes to a channel, by whatever
// name.
func (d *Dispatcher) isChannel(s *sink) bool {
	if s.target == nil {
		return true
	}
	t := d.table.Load()
	return t.hosts[s.host] != nil || s.host == contract.BrokerIngressHost && t.paths[s.path] != nil
}

// countDown sets the time to live of what follows from an event that was sent, in
// turns; false is its end.
func countDown(sent, next *cloudevents.Event, turns int) (bool, error) {
	ttl := contract.DefaultTTL
	if v, ok := sent.Attribute(contract.ExtensionTTL); ok {
		if n, err := strconv.Atoi(v); err == nil {
			ttl = min(n, ttl)
		}
	}
	if ttl -= turns; ttl <= 0 {
		return false, nil
	}
	return true, next.Set(contract.ExtensionTTL, strconv.Itoa(ttl))
}

// wentRound is an event that a channel does not get any more.
func wentRound(to *sink) *attempt.Failure {
	return &attempt.Failure{URL: to.String(), Fate: attempt.Never, Text: to.String() + " does not get it: " + circle}
}
