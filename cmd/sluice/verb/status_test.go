package verb

import (
	"testing"

	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
)

func TestAbout_LeavesWhatIsOfTheName(t *testing.T) {
	a := schema.Identity{Kind: "Service", Namespace: "default", Name: "a"}
	b := schema.Identity{Kind: "Service", Namespace: "shop", Name: "b"}
	for _, name := range []string{"b", "shop/b"} {
		r := about(status.Report{
			Specs:    []status.Spec{{Identity: a}, {Identity: b}},
			Problems: []schema.Problem{{Identity: a}, {Identity: b}, {File: "unread.yaml"}},
			Holds:    []plan.Hold{{Unit: a}, {Unit: b}},
		}, name)
		if len(r.Specs) != 1 || r.Specs[0].Identity != b || len(r.Problems) != 1 || r.Problems[0].Identity != b || len(r.Holds) != 1 || r.Holds[0].Unit != b {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
