package eventing

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// kafkaOrder is Knative's own annotation on a Trigger of its Kafka broker.
const kafkaOrder = "kafka.eventing.knative.dev/delivery.order"

// maxConcurrency bounds deliveries under way: each holds an event in memory.
const maxConcurrency = 10000

// subscriptionOptions is what annotations say of a subscription.
func (c *check) subscriptionOptions(o options, annotations map[string]string, into *desired.Subscription) {
	c.order(o, annotations, into)
	if text, ok := o.take("concurrency"); ok {
		into.Concurrency = int(o.integer("concurrency", text, 1, maxConcurrency))
	}
	if text, ok := o.take("rate"); ok {
		into.Rate = c.rate(o.path("rate"), text)
	}
	o.duration("dedupe", time.Second, &into.Dedupe)
	if text, ok := o.take("filter"); ok {
		c.condition(o.path("filter"), text)
		into.Filter = both(into.Filter, &contract.Filter{CEL: text})
	}
	c.transform(o, into)
	if text, ok := o.take("from"); ok {
		into.From = text
		if text != contract.FromNewest && text != contract.FromOldest {
			c.time(o.path("from"), text, "newest, oldest or a time")
		}
	}
	if text, ok := o.take("replay"); ok {
		into.Replay = c.replay(o.path("replay"), text)
	}
	c.deliveryOptions(o, &into.Delivery)
}

// attribute is the name of a CloudEvents attribute.
var attribute = regexp.MustCompile(`^[a-z0-9]{1,64}$`)

func (c *check) order(o options, annotations map[string]string, into *desired.Subscription) {
	if v, ok := annotations[kafkaOrder]; ok {
		path := "metadata.annotations[" + kafkaOrder + "]"
		c.oneOf(path, v, "ordered", "unordered")
		if v == "ordered" {
			into.Order = "partitionkey"
		}
	}
	text, ok := o.take("order")
	if !ok {
		return
	}
	if !attribute.MatchString(text) {
		c.errorf(o.path("order"), "%q is no attribute: write the one whose equal values are to be delivered in order, such as partitionkey or subject", short(text))
	}
	into.Order = text
}

// rate reads deliveries a second, or `N/s`, `N/m`, `N/h`.
func (c *check) rate(path, text string) float64 {
	number, unit, _ := strings.Cut(text, "/")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	per, known := map[string]float64{"": 1, "s": 1, "m": 60, "h": 3600}[strings.TrimSpace(unit)]
	if err != nil || !known || !(n > 0) || n > 1e6 {
		c.errorf(path, "%q is no rate: write deliveries a second as 10, or 600/m, or 100/h", short(text))
		return 0
	}
	return n / per
}

// setPrefix begins the annotations that set an attribute of every event.
const setPrefix = "set."

func (c *check) transform(o options, into *desired.Subscription) {
	t := contract.Transform{}
	if text, ok := o.take("transform"); ok {
		c.value(o.path("transform"), text)
		t.Data = text
	}
	for name := range o.left {
		key, ok := strings.CutPrefix(name, setPrefix)
		if !ok {
			continue
		}
		text, _ := o.take(name)
		if !attribute.MatchString(key) || slices.Contains([]string{"data", "specversion"}, key) {
			c.errorf(o.path(name), "%q is no attribute that can be set: small letters and digits", short(key))
		}
		c.value(o.path(name), text)
		if t.Attributes == nil {
			t.Attributes = map[string]string{}
		}
		t.Attributes[key] = text
	}
	if t.Data != "" || len(t.Attributes) > 0 {
		into.Transform = &t
	}
}

func (c *check) time(path, text, want string) bool {
	_, err := time.Parse(time.RFC3339, text)
	if err != nil {
		c.errorf(path, "%q is not %s: write a time as 2026-01-31T15:04:05Z", short(text), want)
	}
	return err == nil
}

// replay reads where to begin again: a time, `oldest`, or `position P`. What
// follows a # says only that it is another replay than the last.
func (c *check) replay(path, text string) *contract.Replay {
	r := &contract.Replay{Token: text}
	where, _, _ := strings.Cut(text, "#")
	where = strings.TrimSpace(where)
	if position, ok := strings.CutPrefix(where, "position "); ok && strings.TrimSpace(position) != "" {
		r.Position = strings.TrimSpace(position)
		return r
	}
	if where == contract.FromOldest {
		r.Since = time.Unix(0, 0).UTC().Format(time.RFC3339)
		return r
	}
	c.time(path, where, "oldest, a time or `position P`")
	r.Since = where
	return r
}

// both is a filter that asks for two.
func both(a, b *contract.Filter) *contract.Filter {
	if a == nil {
		return b
	}
	return &contract.Filter{All: []contract.Filter{*a, *b}}
}
