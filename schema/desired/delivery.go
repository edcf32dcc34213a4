package desired

import (
	"cmp"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Over is the delivery with what it leaves open taken from another.
func (d Delivery) Over(base Delivery) Delivery {
	if d.DeadLetter == nil {
		d.DeadLetter, d.Refs = base.DeadLetter, base.Refs
	}
	if d.Retry == nil {
		d.Retry = base.Retry
	}
	if d.RetryAfterMax == nil {
		d.RetryAfterMax = base.RetryAfterMax
	}
	d.BackoffPolicy = cmp.Or(d.BackoffPolicy, base.BackoffPolicy)
	d.BackoffDelay = cmp.Or(d.BackoffDelay, base.BackoffDelay)
	d.BackoffMax = cmp.Or(d.BackoffMax, base.BackoffMax)
	d.Timeout = cmp.Or(d.Timeout, base.Timeout)
	d.Format = cmp.Or(d.Format, base.Format)
	return d
}

// Complete fills what nobody has said. Knative's defaults of a Broker count for
// every kind: an event is tried ten times more before it is dead.
func (d Delivery) Complete() contract.Delivery {
	out := contract.Delivery{
		Retry:         contract.DefaultRetry,
		BackoffPolicy: cmp.Or(d.BackoffPolicy, contract.BackoffExponential),
		BackoffDelay:  cmp.Or(d.BackoffDelay, contract.DefaultBackoffDelay),
		BackoffMax:    cmp.Or(d.BackoffMax, contract.DefaultBackoffMax),
		Timeout:       cmp.Or(d.Timeout, contract.DefaultTimeout),
		RetryAfterMax: d.RetryAfterMax, Format: d.Format,
	}
	if d.Retry != nil {
		out.Retry = int(*d.Retry)
	}
	return out
}
