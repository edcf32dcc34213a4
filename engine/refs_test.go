package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/engine/status"
)

// rules reads a VirtualService: for each rule, who gets how much.
func rules(t testing.TB, object []byte, header string) map[string]string {
	t.Helper()
	var vs struct {
		Spec struct {
			HTTP []struct {
				Name  string `json:"name"`
				Route []struct {
					Weight  int `json:"weight"`
					Headers struct {
						Request struct {
							Set map[string]string `json:"set"`
						} `json:"request"`
					} `json:"headers"`
				} `json:"route"`
			} `json:"http"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(object, &vs); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, rule := range vs.Spec.HTTP {
		var shares []string
		for _, d := range rule.Route {
			weight := d.Weight
			if len(rule.Route) == 1 {
				weight = 100
			}
			shares = append(shares, fmt.Sprintf("%d%% %s", weight, d.Headers.Request.Set[header]))
		}
		out[rule.Name] = strings.Join(shares, ", ")
	}
	return out
}

// split is hello with a traffic block.
func split(target, traffic string) map[string]string {
	return map[string]string{"hello.yaml": hello("hello", target) + "  traffic:\n" + traffic}
}

func TestRefs_ATagIsTheRevisionThatItsTreeDescribes(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	w.tag("refs/tags/v1.0")
	w.push("two", map[string]string{"hello.yaml": hello("hello", "two")})
	second := w.create("hello", first)
	w.ready(second)
	w.pass()
	w.push("split", split("two", "  - gitRef: v1.0\n    percent: 90\n    tag: old\n  - latestRevision: true\n    percent: 10\n"))
	wantWrites(t, w.pass(), "update VirtualService hello")
	if got := w.routes("hello"); got["default"] != "90% "+first+", 10% "+second || got["tag-old"] != "100% "+first || got["header-old"] != "100% "+first {
		t.Errorf("routes: %v", got)
	}
}

func TestRefs_ARevisionThatOnlyATagDescribesIsMade(t *testing.T) {
	w := newWorld(t)
	w.push("one", map[string]string{"old/place.yaml": hello("hello", "one")})
	w.tag("refs/tags/v1")
	w.push("two", map[string]string{"old/place.yaml": "", "hello.yaml": hello("hello", "two")})
	second := w.create("hello")
	w.ready(second)
	w.pass()
	w.push("back", split("two", "  - gitRef: v1\n    percent: 100\n"))
	first := w.create("hello", second)
	if got := w.routes("hello")["default"]; got != "100% "+second {
		t.Errorf("before it is ready: %s", got)
	}
	w.ready(first)
	wantWrites(t, w.pass(), "update VirtualService hello")
	if got := w.routes("hello")["default"]; got != "100% "+first {
		t.Errorf("routes: %s", got)
	}
}

func TestRefs_ARefThatDoesNotExistHoldsBackOnlyItsService(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	files := split("two", "  - gitRef: v9\n    percent: 100\n")
	files["other.yaml"] = hello("other", "x")
	w.push("v9", files)
	w.pass()
	s := w.spec("hello")
	if s.State != status.Failed || !strings.Contains(s.Reason, `gitRef "v9": no such tag, branch or commit`) || s.Traffic[0].Revision != first {
		t.Errorf("hello: %+v", s)
	}
	if len(w.revisions("other")) != 1 {
		t.Error("other was held back")
	}
	w.tag("refs/tags/v9")
	w.pass()
	if s := w.spec("hello"); s.State == status.Failed {
		t.Errorf("after v9 was pushed: %+v", s)
	}
}

func TestRefs_ABranchThatFailsLeavesItsShareWhereItWas(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	w.branch("refs/heads/blue", "blue", map[string]string{"hello.yaml": hello("hello", "blue")})
	traffic := "  - latestRevision: true\n    percent: 80\n  - gitRef: blue\n    percent: 20\n"
	w.push("split", split("one", traffic))
	blue := w.create("hello", first)
	w.ready(blue)
	w.pass()
	w.branch("refs/heads/blue", "broken", map[string]string{"hello.yaml": hello("hello", "broken")})
	broken := w.create("hello", first, blue)
	w.push("two", split("two", traffic))
	second := w.create("hello", first, blue, broken)
	w.ready(second)
	w.pass()
	if got := w.routes("hello")["default"]; got != "80% "+second+", 20% "+blue {
		t.Errorf("routes: %s", got)
	}
	if s := w.spec("hello"); !strings.Contains(s.Reason, "its traffic stays on "+blue) {
		t.Errorf("state: %+v", s)
	}
}

func TestRefs_OfABranchThatIsNotMergedOnlyALittleMayDiffer(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	w.branch("refs/heads/evil", "evil", map[string]string{
		"hello.yaml": strings.Replace(hello("hello", "one"), "      containers:", "      serviceAccountName: admin\n      containers:", 1)})
	w.push("split", split("one", "  - gitRef: evil\n    percent: 100\n"))
	wantWrites(t, w.pass())
	if s := w.spec("hello"); !strings.Contains(s.Reason, "serviceAccountName") || w.routes("hello")["default"] != "100% "+first {
		t.Errorf("state: %+v", s)
	}
}
