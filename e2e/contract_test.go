package e2e

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

// seen is what an app tells of itself and of a request.
type seen struct {
	Proto, Host string
	Headers     http.Header
	Env         map[string]string
}

// see asks an app what it sees of a request with these headers.
func see(t *testing.T, host string, headers map[string]string) (s seen) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+"/", nil)
	check(t, err)
	for key, value := range headers {
		r.Header[key] = []string{value}
	}
	resp, err := client.Do(r)
	check(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: HTTP %d", host, resp.StatusCode)
	}
	check(t, json.NewDecoder(resp.Body).Decode(&s))
	return s
}

func TestContract_AnAppHearsWhoItIsAndWhoAsks(t *testing.T) {
	c := newClone(t)
	c.serve(app{name: "contract"}, app{name: "contract-h2c", port: contract.ProtocolH2C}, app{name: "contract-http1", port: contract.ProtocolHTTP1})
	s := see(t, host("contract"), map[string]string{
		"Sluice-Namespace": "kube-system", "Sluice-Revision": "somebody-else",
		"X-Request-Id": "a, b;c=\"d\"", "X-Mine": "ünïcode  two spaces",
	})
	revision := of(t, deployments, "contract")[0].GetName()
	for key, want := range map[string]string{"K_SERVICE": "contract", "K_CONFIGURATION": "contract", "K_REVISION": revision} {
		if s.Env[key] != want {
			t.Errorf("%s is %q, want %q", key, s.Env[key], want)
		}
	}
	if !regexp.MustCompile(`^[0-9]+$`).MatchString(s.Env["PORT"]) {
		t.Errorf("PORT is %q", s.Env["PORT"])
	}
	if s.Host != host("contract") || s.Proto != "HTTP/1.1" {
		t.Errorf("host %q, protocol %q", s.Host, s.Proto)
	}
	for key, want := range map[string]string{
		"Forwarded":         `(^|;)for=.*;?proto=http(;|$)|(^|;)proto=http;.*for=`,
		"X-Forwarded-For":   `^[0-9a-f.:]+(, [0-9a-f.:]+)*$`,
		"X-Forwarded-Proto": `^http$`,
		"Traceparent":       `^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`,
		"X-Request-Id":      `^a, b;c="d"$`,
		"X-Mine":            `^ünïcode  two spaces$`,
	} {
		if got := strings.Join(s.Headers[key], "|"); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: %q, want %s", key, got, want)
		}
	}
	for key, want := range map[string]string{"contract-h2c": "HTTP/2.0", "contract-http1": "HTTP/1.1"} {
		if got := see(t, host(key), nil).Proto; got != want {
			t.Errorf("%s sees %s, want %s", key, got, want)
		}
	}
}

func TestTimeouts_EachOfTheThreeTimersAnswers504(t *testing.T) {
	c := newClone(t)
	c.serve(
		app{name: "bounded", target: "ok", spec: map[string]any{"timeoutSeconds": 2}},
		app{name: "starting", target: "ok", spec: map[string]any{"timeoutSeconds": 20, "responseStartTimeoutSeconds": 1}},
		app{name: "silent", target: "ok", spec: map[string]any{"timeoutSeconds": 20, "idleTimeoutSeconds": 1}},
	)
	for _, c := range []struct {
		name, url string
		code      int
		body      string // all of it; "" where it is a message
		cut       bool   // the answer began, and was cut off
		within    time.Duration
	}{
		{"timeoutSeconds, in time", host("bounded") + "/work?before=200ms", 200, "ok", false, 2 * time.Second},
		{"timeoutSeconds, too late", host("bounded") + "/work?before=6s", 504, "", false, 5 * time.Second},
		{"timeoutSeconds, begun in time and too long", host("bounded") + "/work?parts=20&gap=300ms", 200, "", true, 5 * time.Second},
		{"responseStartTimeoutSeconds, in time", host("starting") + "/work?before=200ms&parts=4&gap=500ms", 200, "ok....", false, 10 * time.Second},
		{"responseStartTimeoutSeconds, too late", host("starting") + "/work?before=5s", 504, "", false, 4 * time.Second},
		{"idleTimeoutSeconds, never silent", host("silent") + "/work?parts=6&gap=300ms", 200, "ok......", false, 10 * time.Second},
		{"idleTimeoutSeconds, silent", host("silent") + "/work?before=5s", 504, "", false, 4 * time.Second},
		{"idleTimeoutSeconds, begun and silent", host("silent") + "/work?parts=1&gap=5s", 200, "", true, 4 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := fetch(c.url)
			if a.code != c.code || (a.err != nil) != c.cut || c.body != "" && a.body != c.body || a.took > c.within {
				t.Errorf("%s; want HTTP %d %q, cut off: %v, within %s", a, c.code, c.body, c.cut, c.within)
			}
		})
	}
}

func TestConcurrency_OneAtATimeIsOneAtATime(t *testing.T) {
	c := newClone(t)
	c.serve(app{
		name: "alone", target: "ok", spec: map[string]any{"containerConcurrency": 1},
		annotations: map[string]any{"autoscaling.knative.dev/max-scale": "2"},
	})
	url := host("alone") + "/work?alone&before=10ms"
	var answers []answer
	for began := time.Now(); time.Since(began) < 2*time.Second; {
		answers = append(answers, fetchAll(5, url)...)
	}
	allAre(t, answers, "ok")
}

func TestOverload_ManyAtOnceAreAllAnswered(t *testing.T) {
	c := newClone(t)
	c.serve(app{
		name: "overloaded", target: "ok", spec: map[string]any{"containerConcurrency": 1},
		annotations: map[string]any{"autoscaling.knative.dev/max-scale": "10", "autoscaling.knative.dev/initial-scale": "0"},
	})
	allAre(t, fetchAll(100, host("overloaded")+"/work?alone&before=300ms"), "ok")
	if n := len(podNames(t, "serving.knative.dev/service=overloaded")); n < 2 || n > 10 {
		t.Errorf("%d pods, want 2 to 10", n)
	}
}

func TestTraffic_IsSplitByPercentAndATagIsAllItsOwn(t *testing.T) {
	c := newClone(t)
	c.serve(app{name: "split", target: "blue"})
	c.serve(app{name: "split", target: "green", traffic: []any{
		map[string]any{"revisionName": "split-00001", "percent": 50, "tag": "blue"},
		map[string]any{"latestRevision": true, "percent": 50, "tag": "green"},
	}})
	for _, tag := range []string{"blue", "green"} {
		await(t, tag, func() string { return fetch(host(tag+"-split") + "/work").body })
		allAre(t, fetchAll(50, host(tag+"-split")+"/work"), tag)
	}
	count := map[string]int{}
	for _, a := range fetchAll(200, host("split")+"/work") {
		count[a.body]++
	}
	t.Log(count)
	if count["blue"] < 50 || count["green"] < 50 || count["blue"]+count["green"] != 200 {
		t.Errorf("%v, want 200, at least 50 of each", count)
	}
}
