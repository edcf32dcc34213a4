package channel

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h[http.CanonicalHeaderKey(pairs[i])] = append(h[http.CanonicalHeaderKey(pairs[i])], pairs[i+1])
	}
	return h
}

func minimal(more ...string) http.Header {
	return headers(append([]string{"ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t"}, more...)...)
}

func TestIngress_AnswersEachRequestAsItDeserves(t *testing.T) {
	small := orders()
	small.MaxBytes, small.Paths = 100, []string{contract.BrokerPath("shop", "default")}
	w := start(t, Config{}, newDriver(), small)
	const url = "http://orders-channel.shop.svc.cluster.local/"
	for _, row := range []struct {
		name, method, url string
		header            http.Header
		body              string
		status            int
		text              string
	}{
		{"an event", "POST", url, minimal(), "x", 202, ""},
		{"a structured event", "POST", url, headers("content-type", cloudevents.MediaTypeJSON), `{"specversion":"1.0","id":"1","source":"/s","type":"t"}`, 202, ""},
		{"a batch", "POST", url, headers("content-type", cloudevents.MediaTypeBatch), `[{"specversion":"1.0","id":"1","source":"/s","type":"t"}]`, 202, ""},
		{"an event of 2018", "POST", url, headers("ce-cloudeventsversion", "0.1", "ce-eventid", "1", "ce-eventtype", "t", "ce-source", "/s"), "x", 202, ""},
		{"the host of 2018", "POST", "http://orders.shop.channels.cluster.local/", minimal(), "x", 202, ""},
		{"a short host with a port, in capitals", "POST", "http://ORDERS-channel.shop:8080/", minimal(), "x", 202, ""},
		{"a broker's path", "POST", "http://" + contract.BrokerIngressHost + "/shop/default", minimal(), "x", 202, ""},
		{"an unknown channel", "POST", "http://stock-channel.shop.svc.cluster.local/", minimal(), "x", 404, `no channel has the host "stock-channel.shop.svc.cluster.local"`},
		{"an unknown broker", "POST", "http://" + contract.BrokerIngressHost + "/shop/other", minimal(), "x", 404, "there is no Broker at /shop/other: the address of Broker NAME in namespace NS is http://broker-ingress"},
		{"a path", "POST", url + "x", minimal(), "x", 404, "takes events at /, not at /x"},
		{"GET", "GET", url, minimal(), "", 405, "GET is not served here: POST an event"},
		{"too large, and says so", "POST", url, minimal(), strings.Repeat("x", 101), 413, "more than the 100 bytes"},
		{"no event", "POST", url, headers("content-type", "application/json"), "{}", 400, "this is no CloudEvent"},
		{"an attribute is missing", "POST", url, headers("ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s"), "", 400, "required attribute type is missing"},
		{"a header encoding that is wrong", "POST", url, minimal("ce-subject", "%C0%A0"), "", 400, "not UTF-8 after percent-decoding"},
		{"a format that is not known", "POST", url, headers("content-type", "application/cloudevents+protobuf"), "", 415, "the event format is not known"},
		{"a trace context that is nonsense", "POST", url, minimal("traceparent", "a\x01b"), "", 400, "traceparent"},
	} {
		t.Run(row.name, func(t *testing.T) {
			resp := w.post(row.method, row.url, row.header, row.body)
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != row.status || !strings.Contains(string(body), row.text) {
				t.Errorf("got %d %s, want %d %s", resp.StatusCode, body, row.status, row.text)
			}
			if row.status == 405 && resp.Header.Get("Allow") != "POST, OPTIONS" {
				t.Errorf("Allow: %q", resp.Header.Get("Allow"))
			}
		})
	}
}

func TestIngress_BoundsABodyOfUnknownLength(t *testing.T) {
	small := orders()
	small.MaxBytes = 10
	w := start(t, Config{}, newDriver(), small)
	r, err := http.NewRequest("POST", "http://orders-channel.shop/", io.MultiReader(strings.NewReader(strings.Repeat("x", 11))))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = minimal()
	if _, err := readBody(r, 10); err == nil || err.Error() != refuse(413, "the event has more than the 10 bytes that this channel takes; keep the payload elsewhere and send a reference (a claim check)").Error() {
		t.Errorf("got %v", err)
	}
	_ = w
}

func TestIngress_ConsentsToWebhooks(t *testing.T) {
	w := start(t, Config{}, newDriver(), orders())
	resp := w.post("OPTIONS", "http://orders-channel.shop/", headers("webhook-request-origin", "events.example.com", "webhook-request-rate", "120"), "")
	if h := resp.Header; resp.StatusCode != 200 || h.Get("WebHook-Allowed-Origin") != "events.example.com" || h.Get("WebHook-Allowed-Rate") != "*" || !strings.Contains(h.Get("Allow"), "POST") {
		t.Errorf("got %d %v", resp.StatusCode, resp.Header)
	}
	if resp := w.post("OPTIONS", "http://nobody/", headers("webhook-request-origin", "x"), ""); resp.StatusCode != 404 {
		t.Errorf("unknown channel: %d", resp.StatusCode)
	}
}

// refusing is a driver that does not store.
type refusing struct {
	bus.Driver
	err error
}

func (r refusing) Publish(context.Context, string, []*bus.Message) error { return r.err }

func TestIngress_AcceptsOnlyWhatIsStored(t *testing.T) {
	for _, row := range []struct {
		err    error
		status int
		retry  string
	}{
		{errors.New("disk is gone"), 503, "1"},
		{bus.ErrFull, 429, "1"},
		{bus.ErrTooLarge, 413, ""},
	} {
		w := start(t, Config{}, refusing{newDriver(), row.err}, orders())
		resp := w.post("POST", "http://orders-channel.shop/", minimal(), "x")
		if resp.StatusCode != row.status || resp.Header.Get("Retry-After") != row.retry {
			t.Errorf("%v: got %d, Retry-After %q", row.err, resp.StatusCode, resp.Header.Get("Retry-After"))
		}
		w.stop()
	}
}

func TestIngress_SaysWhyAChannelTakesNothing(t *testing.T) {
	d, err := New(Config{Settle: time.Millisecond, Open: func(context.Context, contract.Bus) (bus.Driver, bus.Promises, error) {
		return nil, bus.Promises{}, errors.New("brokers is required")
	}})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Dispatcher: d, t: t}
	w.set(orders())
	lost := orders()
	lost.Name, lost.Hosts, lost.Bus = "lost", []string{"lost"}, contract.Ref{Namespace: "shop", Name: "none"}
	w.set(lost)
	d.Synced()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = d.Run(ctx) }()
	defer func() { cancel(); <-done }()
	w.await("ready", d.Ready)
	for host, text := range map[string]string{"orders-channel.shop": "bus jetstream: brokers is required", "lost": "bus shop/none is not there"} {
		resp := w.post("POST", "http://"+host+"/", minimal(), "x")
		if b, _ := io.ReadAll(resp.Body); resp.StatusCode != 503 || !strings.Contains(string(b), text) {
			t.Errorf("got %d %s", resp.StatusCode, b)
		}
	}
}
