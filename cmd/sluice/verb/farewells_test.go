package verb

import (
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
)

var leaving = told{report: status.Report{State: status.Failed, Farewells: []status.Farewell{
	{
		Spec: schema.Identity{Group: "sources.knative.dev", Kind: "GitHubSource", Namespace: "shop", Name: "hub"}, What: "github octo/cat",
		Namespace: "shop", Job: "hub-source-farewell-1", State: status.Failed, Reason: "GitHub answered 401: Bad credentials",
	},
	{
		Spec: schema.Identity{Group: "feeds.knative.dev", Kind: "Feed", Namespace: "shop", Name: "roof"}, What: "roof-feed-1",
		Namespace: "shop", Job: "roof-feed-1-farewell-2", State: status.Progressing,
	},
}}}

func TestFarewells_SayWhatIsWrongAndWhatToType(t *testing.T) {
	for _, args := range [][]string{{"status"}, {"status", "hub"}, {"farewells"}} {
		out, err := leaving.run(t, args...)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"401: Bad credentials", "sluice farewells again shop/hub-source-farewell-1", "kubectl -n shop delete job hub-source-farewell-1"} {
			if !strings.Contains(out, want) {
				t.Errorf("sluice %s: no %q in\n%s", strings.Join(args, " "), want, out)
			}
		}
	}
	for _, args := range [][]string{{"status", "-o", "json"}, {"farewells", "-o", "json"}} {
		out, err := leaving.run(t, args...)
		if err != nil || !strings.Contains(out, `"reason": "GitHub answered 401: Bad credentials"`) || !strings.Contains(out, `"job": "hub-source-farewell-1"`) {
			t.Errorf("sluice %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	out, err := told{}.run(t, "farewells", "-o", "json")
	if err != nil || strings.TrimSpace(out) != "[]" {
		t.Errorf("of none: %v %q", err, out)
	}
}

func TestFarewellsAgain(t *testing.T) {
	for _, c := range []struct{ name, want, err string }{
		{"shop/hub-source-farewell-1", "It is tried again by the Job shop/shop-hub-source-farewell-1-again.\n", ""},
		{"hub-source-farewell-1", "It is tried again by the Job shop/shop-hub-source-farewell-1-again.\n", ""},
		{"shop/roof-feed-1-farewell-2", "", "it has not failed: it is still tried"},
		{"shop/nothing", "", "`sluice farewells` lists all"},
	} {
		out, err := leaving.run(t, "farewells", "again", c.name)
		if c.err == "" && (err != nil || out != c.want) || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %q, %v", c.name, out, err)
		}
	}
}
