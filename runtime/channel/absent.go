package channel

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/schema/contract"
)

// maxNamed is how many names an answer lists.
const maxNamed = 8

// absent answers for a name that nothing has, with what there is in its
// namespace; a Broker's name is taken for a wish for its channel.
func absent(what string, ref contract.Ref, all []contract.Ref) error {
	var names []string
	for _, other := range all {
		if other.Namespace != ref.Namespace {
			continue
		}
		if other.Name == contract.BrokerChannel(ref.Name) {
			return refuse(http.StatusNotFound, "there is no %s %s: the channel of that Broker is %s", what, ref, other)
		}
		names = append(names, other.Name)
	}
	slices.Sort(names)
	text := fmt.Sprintf("there is no %s %s, and no other in the namespace %s", what, ref, ref.Namespace)
	if len(names) > 0 {
		text = fmt.Sprintf("there is no %s %s; there are %s", what, ref, strings.Join(names[:min(len(names), maxNamed)], ", "))
	}
	if more := len(names) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return refuse(http.StatusNotFound, "%s", text)
}

// channelRefs are those of all dispatchers.
func (s *specs) channelRefs() (out []contract.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.channels {
		out = append(out, c.Ref)
	}
	return out
}

// subscriptionRefs are those of all dispatchers.
func (s *specs) subscriptionRefs() (out []contract.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subscriptions {
		out = append(out, sub.Ref)
	}
	return out
}
