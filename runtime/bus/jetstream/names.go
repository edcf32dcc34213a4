package jetstream

import (
	"fmt"
	"strings"
)

const (
	streamPrefix  = "sluice_"
	subjectPrefix = "sluice."

	// Metadata that mark what is ours, with its name.
	markTopic        = "sluice.dev/topic"
	markSubscription = "sluice.dev/subscription"
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
