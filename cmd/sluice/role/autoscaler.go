package role

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	istio "istio.io/client-go/pkg/clientset/versioned"
	"k8s.io/klog/v2"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/runtime/autoscaler"
	"github.com/sluice-dev/sluice/runtime/kube"
	"github.com/sluice-dev/sluice/runtime/thrift"
	"github.com/sluice-dev/sluice/schema/contract"
)

type autoscalerOptions struct {
	streams    cli.Streams
	kubeconfig string
	listen     string
	admin      string
	debug      bool
}

func newAutoscaler(s cli.Streams) *cobra.Command {
	o := &autoscalerOptions{streams: s}
	c := &cobra.Command{
		Use:   "autoscaler",
		Short: "Give every revision as many pods as its requests need, none if there are none",
		Long: `The autoscaler. Activators find the one that leads by its Lease and stream to it
what their revisions need; of several, one decides and the others wait.`,
		Example: `  $ sluice autoscaler --listen $(POD_IP):8081   # in a pod`,
		Args:    cli.MaxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error {
			o.kubeconfig, _ = c.Flags().GetString("kubeconfig")
			return o.run(c.Context())
		},
	}
	c.Flags().StringVar(&o.listen, "listen", "127.0.0.1:8081", "address for the activators' streams; they have to reach it under this name")
	c.Flags().StringVar(&o.admin, "admin", ":9090", "address of /healthz, /readyz and /metrics")
	c.Flags().BoolVar(&o.debug, "debug", false, "log every decision")
	return c
}

func (o *autoscalerOptions) run(ctx context.Context) error {
	thrift.Set(restPercent)
	log := logger(o.streams, o.debug)
	klog.SetSlogLogger(log)
	c, err := open(o.kubeconfig, log)
	if err != nil {
		return err
	}
	admin := newAdmin(o.admin, log)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return admin.run(ctx) })
	g.Go(func() error {
		admin.ready.Store(true)
		return c.lead(ctx, contract.Autoscaler, kube.Identity(self(), o.listen), log, func(ctx context.Context) error {
			return c.autoscale(ctx, o.listen, admin, log)
		})
	})
	return g.Wait()
}

// autoscale decides until ctx ends.
func (c *cluster) autoscale(ctx context.Context, listen string, admin *admin, log *slog.Logger) error {
	mesh, err := istio.NewForConfigAndClient(c.api.REST(), c.api.Client())
	if err != nil {
		return err
	}
	scaler, err := kube.NewScaler(c.client)
	if err != nil {
		return err
	}
	costs, err := kube.NewPodCosts(c.client)
	if err != nil {
		return err
	}
	a, err := autoscaler.New(autoscaler.Config{Scaler: scaler, Costs: costs, Trouble: c.trouble, Listen: listen, Protect: c.protect(log), Log: log})
	if err != nil {
		return err
	}
	watcher, err := kube.NewScalingWatcher(kube.ScalingConfig{Kubernetes: c.client, Istio: mesh, Scaled: a, Log: log})
	if err != nil {
		return err
	}
	admin.also(func(w http.ResponseWriter) error { return a.WriteMetrics(io.Writer(w)) })
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return watcher.Run(ctx) })
	g.Go(func() error { return freeOnce(ctx, watcher) })
	g.Go(func() error { return a.Run(ctx) })
	return g.Wait()
}

// trouble says why the pods of a revision are not ready; what has no reason is
// not wrong yet.
func (c *cluster) trouble(ctx context.Context, revision autoscaler.Key) (why string, wrong bool, err error) {
	t, err := c.pods.Trouble(ctx, revision.Namespace, revision.Revision)
	if err != nil || t.Reason == "" {
		return t.Message, false, err
	}
	return strings.TrimSuffix(t.Reason+": "+t.Message, ": "), true, nil
}
