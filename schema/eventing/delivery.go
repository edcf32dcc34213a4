package eventing

import (
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// delivery is Knative's DeliverySpec.
type delivery struct {
	DeadLetterSink *destination `json:"deadLetterSink,omitempty"`
	Retry          *int32       `json:"retry,omitempty"`
	BackoffPolicy  string       `json:"backoffPolicy,omitempty"`
	BackoffDelay   string       `json:"backoffDelay,omitempty"`
	Timeout        string       `json:"timeout,omitempty"`
	RetryAfterMax  *string      `json:"retryAfterMax,omitempty"`
	Format         string       `json:"format,omitempty"`
}

// maxRetry bounds attempts: with the default delays 1000 of them take longer
// than three days.
const maxRetry = 1000

// delivery checks a DeliverySpec; what it leaves out stays open.
func (c *check) delivery(path string, d *delivery) desired.Delivery {
	var out desired.Delivery
	if d == nil {
		return out
	}
	if d.DeadLetterSink != nil {
		sink := c.destination(path+".deadLetterSink", *d.DeadLetterSink)
		out.DeadLetter, out.Refs = &sink.Destination, sink.refs
	}
	if d.Retry != nil && (*d.Retry < 0 || *d.Retry > maxRetry) {
		c.errorf(path+".retry", "want 0 to %d attempts after the first, got %d", maxRetry, *d.Retry)
	}
	out.Retry = d.Retry
	c.oneOf(path+".backoffPolicy", d.BackoffPolicy, contract.BackoffLinear, contract.BackoffExponential)
	c.oneOf(path+".format", d.Format, contract.FormatBinary, contract.FormatJSON)
	out.BackoffPolicy, out.Format = d.BackoffPolicy, d.Format
	out.BackoffDelay = c.duration(path+".backoffDelay", d.BackoffDelay, 0)
	out.Timeout = c.duration(path+".timeout", d.Timeout, 1)
	if d.RetryAfterMax != nil {
		most := c.duration(path+".retryAfterMax", *d.RetryAfterMax, 0)
		out.RetryAfterMax = &most
	}
	return out
}

// deliveryOptions are the same in annotations, for kinds that have no
// delivery, and what no DeliverySpec can say.
func (c *check) deliveryOptions(o options, into *desired.Delivery) {
	if text, ok := o.take("retry"); ok && into.Retry == nil {
		n := int32(o.integer("retry", text, 0, maxRetry))
		into.Retry = &n
	}
	if text, ok := o.take("backoff-policy"); ok && into.BackoffPolicy == "" {
		c.oneOf(o.path("backoff-policy"), text, contract.BackoffLinear, contract.BackoffExponential)
		into.BackoffPolicy = text
	}
	o.duration("backoff-delay", 0, &into.BackoffDelay)
	o.duration("backoff-max", time.Millisecond, &into.BackoffMax)
	o.duration("timeout", 1, &into.Timeout)
	if text, ok := o.take("retry-after-max"); ok && into.RetryAfterMax == nil {
		most := c.duration(o.path("retry-after-max"), text, 0)
		into.RetryAfterMax = &most
	}
	if text, ok := o.take("dead-letter"); ok && into.DeadLetter == nil {
		sink := c.channelOrURL(o.path("dead-letter"), text)
		into.DeadLetter, into.Refs = &sink.Destination, sink.refs
	}
}
