package attempt

import (
	"cmp"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// maxErrorData bounds what a dead event carries of the answer, in bytes.
const maxErrorData = 1024

// Policy says when an event comes again. A delivery says 0 for what a policy
// says -1 for: no wait, and no Retry-After.
func Policy(d contract.Delivery) bus.RetryPolicy {
	p := bus.RetryPolicy{
		Attempts: d.Retry + 1, Delay: cmp.Or(time.Duration(d.BackoffDelay), -1),
		MaxDelay: time.Duration(d.BackoffMax), Linear: d.BackoffPolicy == contract.BackoffLinear,
	}
	if most := d.RetryAfterMax; most != nil {
		p.AfterMax = cmp.Or(time.Duration(*most), -1)
	}
	return p.WithDefaults()
}

// Dead is an event as it goes to a dead letter sink: with Knative's extensions,
// which say where it could not be delivered and why. Text is what went wrong
// where there is no Failure, or no answer in it.
func Dead(e cloudevents.Event, f *Failure, text string) cloudevents.Event {
	e = e.Clone()
	data := []byte(text)
	if f != nil {
		_ = e.Set(contract.ExtensionErrorDest, f.URL) // "" where there is none
		if f.Status != 0 {
			_ = e.Set(contract.ExtensionErrorCode, strconv.Itoa(f.Status))
		}
		if len(f.Data) > 0 {
			data = f.Data
		}
	}
	_ = e.Set(contract.ExtensionErrorData, base64.StdEncoding.EncodeToString(data[:min(len(data), maxErrorData)]))
	return e
}
