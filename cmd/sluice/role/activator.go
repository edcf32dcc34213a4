package role

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	istio "istio.io/client-go/pkg/clientset/versioned"
	"k8s.io/klog/v2"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/runtime/activator"
	"github.com/sluice-dev/sluice/runtime/demand"
	"github.com/sluice-dev/sluice/runtime/gateway"
	"github.com/sluice-dev/sluice/runtime/kube"
	"github.com/sluice-dev/sluice/runtime/peer"
	"github.com/sluice-dev/sluice/runtime/proxy"
	"github.com/sluice-dev/sluice/schema/contract"
)

type activatorOptions struct {
	streams    cli.Streams
	kubeconfig string
	listen     string
	inside     string
	admin      string
	mesh       bool
	behind     bool
	stopDelay  time.Duration
	witness    witnessOptions
	debug      bool
}

func newActivator(s cli.Streams) *cobra.Command {
	o := &activatorOptions{streams: s}
	c := &cobra.Command{
		Use:   "activator",
		Short: "Take requests, find their revision, hold them until a pod can answer",
		Long: `The data plane's one hop: gateway and activator in one process. It reads the
VirtualServices that the engine writes and the pods of revisions.`,
		Example: `  $ sluice activator --listen :8080               # in a pod, as the ingress
  $ sluice activator --listen :8080 --behind-mesh # in a pod, behind an ingress that sets the headers`,
		Args: cli.MaxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error {
			o.kubeconfig, _ = c.Flags().GetString("kubeconfig")
			return o.run(c.Context())
		},
	}
	c.Flags().StringVar(&o.listen, "listen", ":"+portOr("8080"), "address for requests")
	c.Flags().StringVar(&o.inside, "inside", "", "second address for requests, that only the cluster can reach: cluster-local hosts are served there too")
	c.Flags().StringVar(&o.admin, "admin", ":9090", "address of /healthz, /readyz and /metrics")
	c.Flags().BoolVar(&o.mesh, "mesh", false, "serve cluster-local hosts on the same address; only where the outside cannot reach it")
	c.Flags().BoolVar(&o.behind, "behind-mesh", false, "believe requests that name their revision: only an ingress of ours, which sets that, reaches this address")
	c.Flags().DurationVar(&o.stopDelay, "stop-delay", 0, "how long to take requests after SIGTERM, and after another activator is ready, for clients and balancers that have not heard of it")
	o.witness.add(c)
	c.Flags().BoolVar(&o.debug, "debug", false, "log everything")
	return c
}

// portOr is the port that the node told us, as any other app.
func portOr(otherwise string) string {
	if port := os.Getenv(contract.EnvPort); port != "" {
		return port
	}
	return otherwise
}

func (o *activatorOptions) run(ctx context.Context) error {
	log := logger(o.streams, o.debug)
	klog.SetSlogLogger(log)
	c, err := open(o.kubeconfig, log)
	if err != nil {
		return err
	}
	mesh, err := istio.NewForConfigAndClient(c.api.REST(), c.api.Client())
	if err != nil {
		return err
	}
	hop := proxy.New(proxy.Config{TrustForwarded: o.behind})
	leader, err := kube.NewLeader(c.client, contract.Autoscaler)
	if err != nil {
		return err
	}
	starter, err := kube.NewScaler(c.client)
	if err != nil {
		return err
	}
	teller, err := demand.New(demand.Config{ID: self(), Leader: leader, Starter: starter, Token: c.tokenOf(contract.Activator), Log: log})
	if err != nil {
		return err
	}
	peers, err := peer.New(peer.Config{Self: self(), From: podIP(), Token: c.tokenOf(contract.Activator), Log: log})
	if err != nil {
		return err
	}
	queue := activator.New(activator.Config{Proxy: hop, Waker: teller, Owners: peers.Owner, Log: log})
	table := gateway.NewTable(log)
	watcher, err := kube.New(kube.Config{Kubernetes: c.client, Istio: mesh, Pods: queue, Routes: table, Activators: peers, Log: log})
	if err != nil {
		return err
	}
	handler, end, err := o.witnessed(ctx, gateway.Config{
		Table: table, Next: queue, Synced: watcher.HasSynced, Mesh: o.mesh, TrustHeaders: o.behind,
	})
	if err != nil {
		return err
	}
	defer end()
	inside, end, err := o.witnessed(ctx, gateway.Config{Table: table, Next: queue, Synced: watcher.HasSynced, Mesh: true})
	if err != nil {
		return err
	}
	defer end()
	server, err := o.server(hop, handler, inside, watcher, peers, c.protect(log)(peers, contract.Activator), log, queue.WriteMetrics, table.WriteMetrics, peers.WriteMetrics)
	if err != nil {
		return err
	}
	return serve(ctx, server, watcher.Run, queue.Run, leader.Run, keepThrift,
		func(ctx context.Context) error { return freeOnce(ctx, watcher) },
		func(ctx context.Context) error { return teller.Run(ctx, queue) },
		func(ctx context.Context) error { return peers.Run(ctx, queue, server.Bound()) })
}

// podIP is this pod's address; the zero Addr where there is none.
func podIP() netip.Addr {
	addr, _ := netip.ParseAddr(os.Getenv("POD_IP")) // outside a pod nobody knows us anyway
	return addr
}

// witnessed is a gateway with whoever watches its requests before it.
func (o *activatorOptions) witnessed(ctx context.Context, cfg gateway.Config) (seen http.Handler, end func(), err error) {
	handler, err := gateway.New(cfg)
	if err != nil {
		return nil, nil, err
	}
	return o.witness.before(ctx, handler, o.streams.Out)
}

// server takes requests once the watcher knows routes and pods.
func (o *activatorOptions) server(hop *proxy.Proxy, handler, inside http.Handler, watcher *kube.Watcher, peers *peer.Peers, places http.Handler, log *slog.Logger, metrics ...func(io.Writer) error) (*activator.Server, error) {
	return activator.NewServer(activator.ServerConfig{
		Listen: o.listen, Handler: handler, Inside: o.inside, InsideHandler: inside, ReusePort: true, Admin: o.admin, Drainer: hop,
		Wait: func(ctx context.Context) error { return synced(ctx, watcher) }, StopDelay: o.stopDelay,
		Metrics: metrics, Peers: places, OnStop: peers.Leave, Succeeded: peers.Succeeded, Log: log,
	})
}

// synced waits until the watcher has told all that was there.
func synced(ctx context.Context, watcher interface{ HasSynced() bool }) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !watcher.HasSynced() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// serve runs the server and what it stands on. The others outlive it, so that
// requests that are still held find their pods while it drains.
func serve(ctx context.Context, server *activator.Server, others ...func(context.Context) error) error {
	lasting, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	g, lasting := errgroup.WithContext(lasting)
	for _, other := range others {
		g.Go(func() error { return other(lasting) })
	}
	g.Go(func() error {
		defer end()
		stop, cancel := context.WithCancel(ctx)
		defer cancel()
		context.AfterFunc(lasting, cancel)
		return server.Run(stop)
	})
	if err := g.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
