package role

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/runtime/channel"
	"github.com/sluice-dev/sluice/runtime/channel/post"
	"github.com/sluice-dev/sluice/runtime/kube"
	"github.com/sluice-dev/sluice/schema/contract"
)

type channelsOptions struct {
	streams    cli.Streams
	kubeconfig string
	listen     string
	admin      string
	gateway    string
	data       string
	sync       string
	name       string
	grace      time.Duration
	debug      bool
}

func newChannels(s cli.Streams) *cobra.Command {
	o := &channelsOptions{streams: s}
	c := &cobra.Command{
		Use:   "channels",
		Short: "Take events for channels, keep them, and deliver them to subscriptions",
		Long: `The events' data plane. It reads the channels, subscriptions and buses that the
engine writes, takes CloudEvents by HTTP, answers 202 when the bus has stored them,
and delivers each to every subscription at least once. The embedded bus keeps its
files in --data.`,
		Example: `  $ sluice channels --listen $(POD_IP):8080 --data /var/lib/sluice/events   # in a pod`,
		Args:    cli.MaxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error {
			o.kubeconfig, _ = c.Flags().GetString("kubeconfig")
			return o.run(c.Context())
		},
	}
	f := c.Flags()
	f.StringVar(&o.listen, "listen", ":"+portOr("8080"), "address for events")
	f.StringVar(&o.admin, "admin", ":9090", "address of /healthz, /readyz, /metrics and what `sluice events` asks")
	f.StringVar(&o.gateway, "gateway", "", "HOST:PORT that takes requests for all hosts below cluster.local, where names are not resolved by DNS")
	f.StringVar(&o.name, "name", contract.Channels, "which dispatcher this is: it has the channels that name it; one of a bus of its own is told its name by the engine")
	f.StringVar(&o.data, "data", "", "folder of the embedded bus; without it there is none")
	f.StringVar(&o.sync, "sync", "", "how often the embedded bus flushes to the disk, or always: before every answer (default 1s)")
	f.DurationVar(&o.grace, "grace", time.Hour, "how long a subscription that is gone keeps its place, and a channel its events")
	f.BoolVar(&o.debug, "debug", false, "log everything")
	return c
}

func (o *channelsOptions) run(ctx context.Context) error {
	log := logger(o.streams, o.debug)
	klog.SetSlogLogger(log)
	c, err := open(o.kubeconfig, log)
	if err != nil {
		return err
	}
	buses := &buses{data: o.data, sync: o.sync, secrets: c.client.CoreV1(), log: log}
	d, err := channel.New(channel.Config{
		Name: o.name, Open: buses.open, Dial: post.Via(o.gateway), Client: post.New(post.Config{Dial: post.Via(o.gateway)}), Grace: o.grace, Log: log,
	})
	if err != nil {
		return err
	}
	watcher, err := kube.NewEventsWatcher(kube.EventsConfig{Kubernetes: c.client, Events: d, Log: log})
	if err != nil {
		return err
	}
	admin := newAdmin(o.admin, log)
	admin.mux.Handle("/v1/events/", c.protect(log)(d.Inspect(), contract.Operator))
	admin.also(func(w http.ResponseWriter) error { return d.WriteMetrics(w) })
	return o.serve(ctx, d, watcher, buses, admin, log)
}

// serve takes events until ctx ends, then lets what is under way end: first the
// requests, then the deliveries.
func (o *channelsOptions) serve(ctx context.Context, d *channel.Dispatcher, watcher *kube.EventsWatcher, buses *buses, admin *admin, log *slog.Logger) error {
	lasting, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	g, lasting := errgroup.WithContext(lasting)
	g.Go(func() error { return watcher.Run(lasting) })
	g.Go(func() error { return d.Run(lasting) })
	g.Go(func() error { return buses.follow(lasting, secretsEvery, d.Reopen) })
	g.Go(func() error { return admin.run(lasting) })
	g.Go(func() error { return becomesReady(lasting, d, admin) })
	g.Go(func() error {
		defer end()
		stop, cancel := context.WithCancel(ctx)
		defer cancel()
		context.AfterFunc(lasting, cancel)
		return takeEvents(stop, o.listen, d, admin, log)
	})
	return g.Wait()
}

// becomesReady tells the probe when every channel that there is was opened.
func becomesReady(ctx context.Context, d *channel.Dispatcher, admin *admin) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !d.Ready() {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
	admin.ready.Store(true)
	return nil
}

// takeEvents serves the ingress until ctx ends and the last request has its
// answer.
func takeEvents(ctx context.Context, listen string, d *channel.Dispatcher, admin *admin, log *slog.Logger) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	server := d.Server()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	log.Info("takes events", "listen", listen)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	admin.ready.Store(false)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	err = server.Shutdown(last)
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return err
}
