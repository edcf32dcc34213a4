package verb

import (
	"errors"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
)

var dispatched = told{events: map[string]string{
	"GET /v1/events/tail?channel=shop%2Forders&follow=false&since=1h": `{"channel":"shop/orders","position":"7","stored":"2026-01-02T03:04:05Z","event":{"specversion":"1.0","id":"a","source":"/s","type":"t","subject":"x","data":{"n":1}}}` + "\n",
	"GET /v1/events/trace?id=a": `[{"id":"a","source":"/s","type":"t","channel":"shop/orders","position":"7","stops":[
		{"subscription":"shop/mail","outcome":"delivered","attempts":2,"status":202},
		{"subscription":"shop/bill","outcome":"dead","attempts":4,"status":500,"text":"http://bill answered 500; kept"}]}]`,
	"GET /v1/events/trace?id=none":                             `[]`,
	"GET /v1/events/lag?":                                      `[{"subscription":"shop/mail","channel":"shop/orders","state":"running","pending":12,"oldest":"1m30s","inFlight":2,"delivered":100,"retries":3,"dead":1,"lastError":"http://mail answered 503"}]`,
	"GET /v1/events/dead?limit=100&subscription=shop%2Fmail":   `[{"channel":"shop/orders","position":"7","event":{"specversion":"1.0","id":"a","source":"/s","type":"t"},"subscription":"shop/mail","text":"http://mail answered 400"}]`,
	"POST /v1/events/redrive?id=a&subscription=shop%2Fmail":    `{"subscription":"shop/mail","events":1}`,
	"POST /v1/events/replay?since=2h&subscription=shop%2Fmail": `{"subscription":"shop/mail","events":-1}`,
	"POST /v1/events/send?channel=shop%2Forders":               `{"channel":"shop/orders","id":"9","position":"8"}`,
}}

func TestEvents_SayWhatTheDispatcherKnows(t *testing.T) {
	for _, row := range []struct{ args, want string }{
		{"tail orders -n shop --since 1h --once", `7  t  /s  a  x  {"n":1}`},
		{"tail shop/orders --since 1h --once -o json", `"position":"7"`},
		{"trace a", "shop/mail: delivered after 2 attempts, answer 202\n"},
		{"trace a", "shop/bill: dead after 4 attempts, answer 500\n    http://bill answered 500; kept\n"},
		{"lag", "1m30s   2          100        3        1     http://mail answered 503"},
		{"dead shop/mail", "http://mail answered 400\n`sluice events redrive shop/mail` delivers them again."},
		{"redrive shop/mail --id a", "shop/mail: 1 dead event is on its way again."},
		{"replay shop/mail --since 2h", "shop/mail goes on from there: ? events wait."},
	} {
		out, err := dispatched.run(t, append([]string{"events"}, strings.Fields(row.args)...)...)
		if err != nil || !strings.Contains(out, row.want) {
			t.Errorf("%s: no %q in %s, %v", row.args, row.want, out, err)
		}
	}
}

func TestEventsTail_SaysThatItWasBrokenOff(t *testing.T) {
	c := told{events: map[string]string{
		"GET /v1/events/tail?channel=default%2Forders":         `{"position":"7","event":{"specversion":"1.0","id":"a","source":"/s","type":"t"}}` + "\n",
		"GET /v1/events/tail?channel=default%2Forders&limit=1": `{"position":"7","event":{"specversion":"1.0","id":"a","source":"/s","type":"t"}}` + "\n",
	}}
	if out, err := c.run(t, "events", "tail", "orders"); err == nil || !strings.Contains(out, "t  /s  a") || !strings.Contains(err.Error(), "broke off, run it again with --position 7") {
		t.Errorf("%s, %v", out, err)
	}
	if _, err := c.run(t, "events", "tail", "orders", "--limit", "1"); err != nil {
		t.Error(err)
	}
}

func TestEventsSend_MakesAnEvent(t *testing.T) {
	var body []byte
	c := dispatched
	c.sent = &body
	out, err := c.run(t, "events", "send", "shop/orders", "--type", "order", "--attribute", "partitionkey=c7", "--data", `{"total":1}`)
	if err != nil || !strings.Contains(out, "`sluice events trace 9`") {
		t.Fatalf("%s, %v", out, err)
	}
	var e cloudevents.Event
	if err := e.ReadJSON(body); err != nil {
		t.Fatal(err)
	}
	if key, _ := e.Attribute("partitionkey"); key != "c7" || e.Type != "order" || len(e.ID) < 20 || e.Time == "" || string(e.Data) != `{"total":1}` {
		t.Errorf("sent %s", body)
	}
}

func TestEventsSend_SaysWhatThePayloadIs(t *testing.T) {
	for _, tt := range []struct{ data, as, want string }{
		{`{"total":1}`, "", "application/json"}, {"20", "", "application/json"}, {"hello", "", "text/plain"},
		{"\xff\x00", "", "application/octet-stream"}, {"a,b", "text/csv", "text/csv"},
	} {
		var body []byte
		c := dispatched
		c.sent = &body
		if _, err := c.run(t, "events", "send", "shop/orders", "--data", tt.data, "--content-type", tt.as); err != nil {
			t.Fatal(err)
		}
		var e cloudevents.Event
		if err := e.ReadJSON(body); err != nil || e.DataContentType != tt.want || string(e.Data) != tt.data {
			t.Errorf("%q as %q: sent %s, %v, want %s", tt.data, tt.as, body, err, tt.want)
		}
	}
}

func TestEvents_RefuseWhatCannotBeMeant(t *testing.T) {
	for args, want := range map[string]string{
		"send shop/orders --attribute x":           `--attribute "x": write it as NAME=VALUE`,
		"send shop/orders --attribute my_x=1":      "a name has lower-case letters",
		"send shop/orders --type= ":                "required attribute type is missing",
		"replay shop/mail":                         "wants --since or --position",
		"replay shop/mail --since 1h --position 3": "and not both",
		"tail":       "wants [CHANNEL]",
		"trace none": "no channel has an event none",
	} {
		_, err := dispatched.run(t, append([]string{"events"}, strings.Fields(args)...)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
		if exit, ok := errors.AsType[*cli.Exit](err); args != "trace none" && (!ok || exit.Code != cli.Usage) {
			t.Errorf("%s: no usage error: %v", args, err)
		}
	}
}
