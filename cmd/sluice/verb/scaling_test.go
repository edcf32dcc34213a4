package verb

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/runtime/autoscaler"
	"github.com/sluice-dev/sluice/schema"
)

var scaled = told{
	report: status.Report{Specs: []status.Spec{
		{Identity: schema.Identity{Group: "serving.knative.dev", Kind: "Service", Namespace: "shop", Name: "cart"},
			Revisions: []status.Revision{{Name: "cart-2"}, {Name: "cart-1"}}},
		{Identity: schema.Identity{Group: "serving.knative.dev", Kind: "Service", Namespace: "shop", Name: "bare"}},
	}},
	answers: map[string]string{
		"/v1/explain?revision=shop%2Fcart-2": `{"revision":"shop/cart-2","lastActivation":{"result":"Failed","error":"ErrImagePull: not found","at":"2026-01-02T03:04:05Z"},
			"decisions":[{"at":"2026-01-02T03:04:05Z","want":1,"have":0,"queued":3,"reason":"3 requests now (0 at pods, 3 waiting) and no pod"}]}`,
		"/v1/top": `[{"namespace":"shop","revision":"cart-2","want":2,"have":1,"ready":1,"inFlight":4,"queued":1,"rate":12.5,"stable":3.3,"target":7,"p50":0.0123,"p95":1.5,"reason":"because"}]`,
	},
}

func TestExplain_SaysHowItWentAndWhy(t *testing.T) {
	out, err := scaled.run(t, "explain", "cart")
	for _, want := range []string{"shop/cart-2\n", "last activation: Failed: ErrImagePull: not found at ", "0 -> 1", "3 requests now"} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("no %q in %s, %v", want, out, err)
		}
	}
	out, err = scaled.run(t, "explain", "cart", "-o", "json")
	var e []autoscaler.Explanation
	if err != nil || json.Unmarshal([]byte(out), &e) != nil || len(e) != 1 || e[0].LastActivation.Result != "Failed" {
		t.Errorf("%s, %v", out, err)
	}
	for name, want := range map[string]string{"bare": "bare has no revision; `sluice status bare`", "nobody": "`sluice status` lists all"} {
		if _, err := scaled.run(t, "explain", name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTop_ShowsWhatIsAwake(t *testing.T) {
	out, err := scaled.run(t, "top")
	got := strings.Join(strings.Fields(out), " ")
	if want := "shop/cart-2 12.5 12.3ms 1.5s 4 1 3.3 7.0 1 of 2 1 because"; err != nil || !strings.HasSuffix(got, want) {
		t.Errorf("%s, %v", out, err)
	}
	out, err = told{answers: map[string]string{"/v1/top": "[]"}}.run(t, "top")
	if err != nil || !strings.HasPrefix(out, "Nothing is awake") {
		t.Errorf("%q, %v", out, err)
	}
}
