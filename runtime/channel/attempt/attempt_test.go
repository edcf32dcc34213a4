package attempt_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/channel/attempt"
	"github.com/sluice-dev/sluice/runtime/channel/post"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestJudge_ByKnativesRules(t *testing.T) {
	for status, want := range map[int]attempt.Fate{
		200: 0, 202: 0, 204: 0,
		404: attempt.Again, 408: attempt.Again, 409: attempt.Again, 429: attempt.Again, 500: attempt.Again, 503: attempt.Again,
		400: attempt.Never, 401: attempt.Never, 415: attempt.Never, 422: attempt.Never, 301: attempt.Never, 307: attempt.Never,
		410: attempt.Gone,
	} {
		f := attempt.Judge("u", post.Answer{Status: status, Header: http.Header{"Location": {"http://there/"}}}, nil, now)
		if want == 0 != (f == nil) || f != nil && (f.Fate != want || f.Status != status) {
			t.Errorf("%d: got %+v", status, f)
		}
	}
	if f := attempt.Judge("u", post.Answer{}, context.Canceled, now); f.Fate != attempt.Again || f.Status != 0 {
		t.Errorf("no answer: got %+v", f)
	}
	f := attempt.Judge("u", post.Answer{Status: 302, Header: http.Header{"Location": {"http://there/"}}}, nil, now)
	if !strings.Contains(f.Text, `a redirect to "http://there/", and redirects are not followed: write that address`) {
		t.Errorf("a redirect says %q", f.Text)
	}
}

func TestJudge_ReadsRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "Fri, 02 Jan 2026 03:04:15 GMT": 10 * time.Second, "Fri, 02 Jan 2026 03:00:00 GMT": 0,
	} {
		f := attempt.Judge("u", post.Answer{Status: 503, Header: http.Header{"Retry-After": {value}}}, nil, now)
		if f.Fate != attempt.Again || f.After != want {
			t.Errorf("%q: got %+v", value, f)
		}
	}
}

// TestPolicy_Waits looks at the longest waits: a random part of up to a half is
// taken off each.
func TestPolicy_Waits(t *testing.T) {
	second := contract.Duration(time.Second)
	none := contract.Duration(0)
	for _, c := range []struct {
		name  string
		d     contract.Delivery
		after time.Duration
		want  [3]time.Duration
	}{
		{"exponential", contract.Delivery{BackoffDelay: second}, 0, [3]time.Duration{time.Second, 2 * time.Second, 4 * time.Second}},
		{"linear", contract.Delivery{BackoffDelay: second, BackoffPolicy: contract.BackoffLinear}, 0, [3]time.Duration{time.Second, 2 * time.Second, 3 * time.Second}},
		{"capped", contract.Delivery{BackoffDelay: second, BackoffMax: 2 * second}, 0, [3]time.Duration{time.Second, 2 * time.Second, 2 * time.Second}},
		{"no wait", contract.Delivery{}, 0, [3]time.Duration{}},
		{"as asked for", contract.Delivery{}, time.Minute, [3]time.Duration{time.Minute, time.Minute, time.Minute}},
		{"as asked for, at most", contract.Delivery{RetryAfterMax: &second}, time.Minute, [3]time.Duration{time.Second, time.Second, time.Second}},
		{"what is asked for is ignored", contract.Delivery{RetryAfterMax: &none}, time.Minute, [3]time.Duration{}},
	} {
		p := attempt.Policy(c.d)
		for i, most := range c.want {
			if got := p.Wait(i+1, c.after); got > most || got < most/2 {
				t.Errorf("%s: after attempt %d %s, want %s or up to a half less", c.name, i+1, got, most)
			}
		}
	}
	if n := attempt.Policy(contract.Delivery{Retry: contract.RetryForever}).Attempts; n != 0 {
		t.Errorf("without end is %d attempts", n)
	}
	if n := attempt.Policy(contract.Delivery{}).Attempts; n != 1 {
		t.Errorf("no retry is %d attempts", n)
	}
}

func TestDead_SaysWhereAndWhy(t *testing.T) {
	e := cloudevents.Event{ID: "1", Source: "/s", Type: "t"}
	for _, c := range []struct {
		name             string
		f                *attempt.Failure
		dest, code, data string
	}{
		{"an answer", &attempt.Failure{URL: "http://sink/", Status: 500, Data: []byte(strings.Repeat("x", 5000)), Text: "500"}, "http://sink/", "500", strings.Repeat("x", 1024)},
		{"no answer", &attempt.Failure{URL: "http://sink/", Text: "no route"}, "http://sink/", "", "no route"},
		{"no attempt", nil, "", "", "no route"},
	} {
		dead := attempt.Dead(e, c.f, "no route")
		for name, want := range map[string]string{
			"knativeerrordest": c.dest, "knativeerrorcode": c.code, "knativeerrordata": base64.StdEncoding.EncodeToString([]byte(c.data)),
		} {
			if got, _ := dead.Attribute(name); got != want {
				t.Errorf("%s: %s is %q, want %q", c.name, name, got, want)
			}
		}
	}
	if _, has := e.Attribute("knativeerrordata"); has {
		t.Error("the event itself was changed")
	}
}
