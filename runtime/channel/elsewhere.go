package channel

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

// addElsewhere has the table know a channel of another dispatcher: events that
// still come here, or by the host that all Brokers share, are passed on.
func (d *Dispatcher) addElsewhere(t *table, spec contract.Channel) {
	to, err := d.sink(&contract.Destination{URL: contract.ChannelURL(spec.Namespace, spec.Name)})
	if err != nil {
		d.cfg.Log.Warn("channel of another dispatcher has no address", "channel", spec.Ref, "error", err)
		return
	}
	t.away[spec.Ref] = to
	c := &live{spec: spec, away: true}
	for _, host := range spec.Hosts {
		claim(t.hosts, host, c, d.cfg.Log)
	}
	for _, path := range spec.Paths {
		claim(t.paths, path, c, d.cfg.Log)
	}
}

// newForwarder passes requests on to the dispatcher that has their channel.
func newForwarder(cfg Config) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport: &http.Transport{DialContext: cfg.Dial, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute},
		Rewrite: func(r *httputil.ProxyRequest) {
			to := r.In.Context().Value(channelURL{}).(*url.URL) // forward sets it
			r.Out.URL, r.Out.Host = to, to.Host
			r.Out.Header.Set(contract.HeaderForwarded, cfg.Name)
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			answer(w, &refusal{http.StatusServiceUnavailable, "the channel's dispatcher is not reached; send it again: " + err.Error(), time.Second})
		},
		ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
}

// channelURL is where a request that is passed on goes.
type channelURL struct{}

// forward passes a request on, once: two dispatchers that each take the other
// for the one that has a channel have not both heard the news yet.
func (d *Dispatcher) forward(w http.ResponseWriter, r *http.Request, c *live) {
	if from := r.Header.Get(contract.HeaderForwarded); from != "" {
		answer(w, &refusal{http.StatusServiceUnavailable, fmt.Sprintf("channel %s moves to another dispatcher; send it again", c.spec.Ref), time.Second})
		return
	}
	to := &url.URL{Scheme: "http", Host: contract.ChannelHost(c.spec.Namespace, c.spec.Name), Path: "/"}
	d.others.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), channelURL{}, to)))
}
