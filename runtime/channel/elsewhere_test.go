package channel

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/runtime/channel/post"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// away is a channel of another dispatcher.
func away() contract.Channel {
	c := orders()
	c.Name, c.Hosts, c.Paths = "away", contract.ChannelHosts("shop", "away"), []string{contract.BrokerPath("shop", "away")}
	c.Dispatcher, c.Bus = "channels-kafka", contract.Ref{Name: "kafka"}
	return c
}

func TestDispatcher_LeavesChannelsToOthers(t *testing.T) {
	s := newSubscriber(t, nil)
	kafka := contract.Bus{Ref: away().Bus, Driver: contract.DriverKafka}
	far := subscription("far", s.URL, func(s *contract.Subscription) { s.Channel = away().Ref })
	other := httptest.NewServer(http.NotFoundHandler()) // replaced below
	defer other.Close()
	dial := func(ctx context.Context, _, address string) (net.Conn, error) {
		if host, _, _ := net.SplitHostPort(address); host != contract.ChannelHost("shop", "away") {
			t.Errorf("dials %s", address)
		}
		return (&net.Dialer{}).DialContext(ctx, "tcp", other.Listener.Addr().String())
	}
	ours := start(t, Config{Dial: dial}, newDriver(), kafka, orders(), away(), far, subscription("near", s.URL))
	theirs := start(t, Config{Name: "channels-kafka", Dial: dial}, newDriver(), kafka, orders(), away(), far, subscription("near", s.URL))
	other.Config.Handler = theirs.Ingress()
	for _, w := range []*world{ours, theirs} {
		if n := len(w.allWorkers("")); n != 1 {
			t.Errorf("%d subscriptions", n)
		}
	}
	// Whoever gets it, it comes to the one that has the channel.
	event := http.Header{"ce-specversion": {"1.0"}, "ce-id": {"1"}, "ce-source": {"/s"}, "ce-type": {"t"}}
	for _, url := range []string{contract.ChannelURL("shop", "away"), "http://" + contract.BrokerIngressHost + contract.BrokerPath("shop", "away")} {
		if resp := ours.post("POST", url, event, "x"); resp.StatusCode != http.StatusAccepted {
			t.Errorf("%s: %d", url, resp.StatusCode)
		}
	}
	theirs.await("both", func() bool { return s.count() == 2 })
	// But not for ever.
	event.Set(contract.HeaderForwarded, "channels-kafka")
	if resp := ours.post("POST", contract.ChannelURL("shop", "away"), event, "x"); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("in a circle: %d", resp.StatusCode)
	}
}

func TestDispatcher_RepliesGoToChannelsOfOthers(t *testing.T) {
	there := newSubscriber(t, nil)
	s := newSubscriber(t, func(w http.ResponseWriter, e cloudevents.Event) {
		e.ID = "re"
		e.SetHeaders(w.Header())
		_, _ = w.Write(e.Data)
	})
	dial := post.Via(strings.TrimPrefix(there.URL, "http://")) // where the cluster's own names lead
	to := away().Ref
	reply := subscription("a", s.URL, func(s *contract.Subscription) { s.Reply = &contract.Destination{Channel: &to} })
	w := start(t, Config{Client: post.New(post.Config{Dial: dial})}, newDriver(), orders(), away(), reply)
	w.send("1")
	w.await("the reply", func() bool { return there.count() == 1 })
}
