package status

import (
	"cmp"
	"fmt"

	"github.com/sluice-dev/sluice/schema"
)

// Farewell is the removal of what a spec that is deleted, or has changed, has
// outside the cluster: a webhook, a subscription, a feed.
type Farewell struct {
	// Spec had it; What it is, in the words of its source.
	Spec schema.Identity `json:"spec"`
	What string          `json:"what,omitempty"`
	// Job removes it, in Namespace.
	Namespace string `json:"namespace"`
	Job       string `json:"job"`
	// State is Progressing or Failed.
	State State `json:"state"`
	// Reason is what went wrong last; empty if nothing has yet.
	Reason string `json:"reason,omitempty"`
}

// Failed reports that nobody tries any more.
func (f Farewell) Failed() bool { return f.State == Failed }

// Next are the commands by which a failed farewell is tried again, and given up.
func (f Farewell) Next() (again, giveUp string) {
	return "sluice farewells again " + f.Namespace + "/" + f.Job, "kubectl -n " + f.Namespace + " delete job " + f.Job
}

// String says how it stands, and what to do.
func (f Farewell) String() string {
	if !f.Failed() {
		text := fmt.Sprintf("%s: what it has outside the cluster (%s) is being removed", f.Spec, f.What)
		if f.Reason != "" {
			text += ", and is tried again: " + f.Reason
		}
		return text
	}
	again, giveUp := f.Next()
	return fmt.Sprintf("%s: what it has outside the cluster (%s) could not be removed and is still there: %s; mend that and type: %s; or remove it by hand and type: %s",
		f.Spec, f.What, f.Reason, again, giveUp)
}

// Compare orders by spec, then by Job.
func (f Farewell) Compare(other Farewell) int {
	return cmp.Or(f.Spec.Compare(other.Spec), cmp.Compare(f.Namespace, other.Namespace), cmp.Compare(f.Job, other.Job))
}

// farewellEvents tells of each farewell that has failed since.
func farewellEvents(prev, next Report) []Event {
	known := map[string]bool{}
	for _, f := range prev.Farewells {
		known[f.Namespace+"/"+f.Job] = f.Failed()
	}
	var out []Event
	for _, f := range next.Farewells {
		if f.Failed() && !known[f.Namespace+"/"+f.Job] {
			out = append(out, Event{Type: FarewellFailed, Subject: f.Spec, Object: f.Job, Commit: next.Commit, Message: f.String()})
		}
	}
	return out
}
