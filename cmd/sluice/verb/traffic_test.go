package verb

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/cmd/sluice/install"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
)

// commit makes a repository with one commit, and gives its folder and hash.
func commit(t *testing.T) (repo, hash string) {
	t.Helper()
	repo = filepath.Join(t.TempDir(), "repo")
	for _, args := range [][]string{
		{"init", "-q", "-b", "main", repo},
		{"-C", repo, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-q", "--allow-empty", "-m", "Half of it\n\nWhy not."},
	} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	out, err := exec.Command("git", "-C", repo, "rev-parse", "HEAD").Output()
	if err != nil {
		t.Fatal(err)
	}
	return repo, strings.TrimSpace(string(out))
}

func TestTraffic_SaysWhoGetsWhatSinceWhichCommit(t *testing.T) {
	repo, hash := commit(t)
	c := told{
		settings: install.Settings{Repository: repo, Branch: "main"},
		report: status.Report{Specs: []status.Spec{
			{Identity: schema.Identity{Group: "serving.knative.dev", Kind: "Service", Namespace: "shop", Name: "cart"}, URL: "http://cart.shop.localhost",
				Revisions: []status.Revision{{Name: "cart-2"}, {Name: "cart-1"}},
				Traffic: []status.Share{
					{Revision: "cart-2", Percent: 50, Latest: true, Commit: hash},
					{Revision: "cart-1", Percent: 50, Tag: "old", URL: "http://old-cart.shop.localhost", Commit: strings.Repeat("0", 40)},
				}},
			{Identity: schema.Identity{Group: "serving.knative.dev", Kind: "Service", Namespace: "shop", Name: "new"}},
		}},
	}
	out, err := c.run(t, "traffic", "shop/cart")
	for _, want := range []string{"50%", "cart-2 (latest)", hash[:7], "Ada", "Half of it", "old", "http://old-cart.shop.localhost", "0000000"} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s%v", want, out, err)
		}
	}
	if out, err := c.run(t, "traffic", "cart", "-o", "json"); err != nil || !strings.Contains(out, `"subject": "Half of it"`) {
		t.Errorf("%s%v", out, err)
	}
	c.settings.Repository = "/nowhere" // then only the hashes are known
	if out, err := c.run(t, "traffic", "cart"); err != nil || !strings.Contains(out, hash[:7]) || strings.Contains(out, "Ada") {
		t.Errorf("%s%v", out, err)
	}
	for name, want := range map[string]string{"new": "new has no traffic yet", "nobody": "no spec of that name; `sluice status`", "shop/crat": "did you mean shop/cart?", "cart-2": "cart-2 is a revision: ask for shop/cart"} {
		if _, err := c.run(t, "traffic", name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
