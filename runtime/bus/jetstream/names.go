package jetstream

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/sluice-dev/sluice/runtime/bus"
)

const (
	streamPrefix  = "sluice_"
	subjectPrefix = "sluice."
)

// token spells a name without what NATS forbids in streams, consumers and
// subjects: every other byte is =XX.
func token(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

func streamOf(topic string) string  { return streamPrefix + token(topic) }
func subjectOf(topic string) string { return subjectPrefix + token(topic) }

// consumerOf names a subscription's consumer after so many moves. =m is in no
// token.
func consumerOf(name bus.SubscriptionName, moves int) string {
	if moves == 0 {
		return token(name.Name)
	}
	return fmt.Sprintf("%s=m%d", token(name.Name), moves)
}

// movesOf reads what consumerOf wrote for this subscription.
func movesOf(name bus.SubscriptionName, consumer string) (moves int, is bool) {
	rest, is := strings.CutPrefix(consumer, token(name.Name))
	if !is || rest == "" {
		return 0, is
	}
	digits, is := strings.CutPrefix(rest, "=m")
	if !is {
		return 0, false
	}
	moves, err := strconv.Atoi(digits)
	return moves, err == nil
}

// mark says in the description of a stream or consumer that it is ours, and what
// NATS has no setting for. (Metadata are not known to servers before 2.10.)
type mark struct {
	Topic        string `json:"topic"`
	Subscription string `json:"subscription,omitempty"`
	// Move is how often the subscription was moved before it had this consumer.
	Move int `json:"move,omitempty"`
	// Retention is that of settled messages.
	Retention string `json:"retention,omitempty"`
}

const markPrefix = "sluice "

func (m mark) String() string {
	b, err := json.Marshal(m)
	if err != nil {
		return "" // strings always marshal
	}
	return markPrefix + string(b)
}

// readMark returns nothing for what is not ours.
func readMark(description string) (m mark) {
	if text, ours := strings.CutPrefix(description, markPrefix); ours {
		_ = json.Unmarshal([]byte(text), &m)
	}
	return m
}
