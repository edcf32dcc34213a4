package pubsub

import (
	"fmt"
	"net/url"
	"strings"
)

const (
	topicPrefix        = "channel-"
	subscriptionPrefix = "subscription-"
	browserPrefix      = "browser-"
	// maxName is Pub/Sub's.
	maxName = 255
)

// owned marks what we made.
var owned = map[string]string{"managed-by": "sluice"}

func isOurs(labels map[string]string) bool { return labels["managed-by"] == owned["managed-by"] }

// escape spells a name with what Pub/Sub allows in one, without a plus.
func escape(name string) string { return strings.ReplaceAll(url.QueryEscape(name), "+", "%20") }

func (b *Bus) parent() string { return "projects/" + b.project }

func (b *Bus) topicPath(topic string) string {
	return b.parent() + "/topics/" + topicPrefix + escape(topic)
}

func (b *Bus) subscriptionPath(topic, name string) string {
	return b.parent() + "/subscriptions/" + subscriptionPrefix + escape(topic) + "+" + escape(name)
}

// fits refuses a path whose last part is too long.
func fits(path string) error {
	if id := lastPart(path); len(id) > maxName {
		return fmt.Errorf("its name at Pub/Sub would be %q, which is %d characters long; Pub/Sub takes %d: write a shorter one", id, len(id), maxName)
	}
	return nil
}

func lastPart(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// topicOf reads what topicPath writes.
func topicOf(path string) (topic string, ok bool) {
	id, ok := strings.CutPrefix(lastPart(path), topicPrefix)
	if !ok {
		return "", false
	}
	topic, err := url.QueryUnescape(id)
	return topic, err == nil
}

// subscriptionOf reads what subscriptionPath writes.
func subscriptionOf(path string) (topic, name string, ok bool) {
	id, ok := strings.CutPrefix(lastPart(path), subscriptionPrefix)
	t, n, found := strings.Cut(id, "+")
	if !ok || !found {
		return "", "", false
	}
	topic, err1 := url.QueryUnescape(t)
	name, err2 := url.QueryUnescape(n)
	return topic, name, err1 == nil && err2 == nil
}
