package role

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/runtime/source"
	"github.com/sluice-dev/sluice/schema/contract"
)

type sourceOptions struct {
	streams    cli.Streams
	kubeconfig string
	listen     string
	admin      string
	state      string
	remove     bool
	debug      bool
}

func newSource(s cli.Streams) *cobra.Command {
	o := &sourceOptions{streams: s}
	c := &cobra.Command{
		Use:   "source TYPE",
		Short: "Bring events into the cluster: " + strings.Join(sourceTypes(), ", "),
		Long: fmt.Sprintf(`A source of events. It sends CloudEvents to $%s until they are acknowledged.
What it is to do stands in $%s, as JSON; the engine writes both into the
Deployments that it makes of sources.`, contract.EnvSink, contract.EnvSource),
		Example: `  $ export K_SINK=http://localhost:8080/
  $ SLUICE_SOURCE='{"namespace":"default","name":"tick","ping":{"schedule":"* * * * *"}}' sluice source ping`,
		Args: cli.MaxArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.kubeconfig, _ = c.Flags().GetString("kubeconfig")
			if len(args) == 0 || sources[args[0]] == nil {
				return cli.Usagef("give one of these types: %s", strings.Join(sourceTypes(), ", "))
			}
			return o.run(c.Context(), args[0])
		},
	}
	c.Flags().StringVar(&o.listen, "listen", ":"+portOr("8080"), "address for requests, of a source that is called from outside")
	c.Flags().StringVar(&o.admin, "admin", ":9090", "address of /healthz, /readyz and /metrics")
	c.Flags().StringVar(&o.state, "state", "", "ping, kubernetes: a file that remembers how far the source was; in a cluster a ConfigMap does")
	c.Flags().BoolVar(&o.remove, "remove", false, "github, pubsub: remove the webhook or subscription that this source made outside the cluster, and end")
	c.Flags().BoolVar(&o.debug, "debug", false, "log everything")
	return c
}

// runner is a source at work; ready is called when nothing is missed any more.
type runner func(ctx context.Context, ready func()) error

// sources make the runners, by type.
var sources = map[string]func(*sourceOptions, contract.Source, *source.Sink, *slog.Logger) (runner, error){
	contract.SourcePing:       pingSource,
	contract.SourceGitHub:     githubSource,
	contract.SourceKubernetes: kubernetesSource,
	contract.SourceKafka:      kafkaSource,
	contract.SourcePubSub:     pubsubSource,
}

func sourceTypes() []string { return slices.Sorted(maps.Keys(sources)) }

func (o *sourceOptions) run(ctx context.Context, kind string) error {
	log := logger(o.streams, o.debug)
	spec, err := sourceSpec()
	if err != nil {
		return err
	}
	log = log.With("source", spec.Ref.String())
	if o.remove {
		return o.removeOutside(ctx, spec, log)
	}
	sink, err := openSink(spec, log)
	if err != nil {
		return err
	}
	defer sink.Close()
	run, err := sources[kind](o, spec, sink, log)
	if err != nil {
		return err
	}
	admin := newAdmin(o.admin, log)
	admin.metric("sluice_source_events_total", "Events by what became of them; failed counts attempts.", "outcome", sink.Counts)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return admin.run(ctx) })
	g.Go(func() error { return run(ctx, func() { admin.ready.Store(true) }) })
	return g.Wait()
}

// sourceSpec reads what to do.
func sourceSpec() (contract.Source, error) {
	var spec contract.Source
	text := os.Getenv(contract.EnvSource)
	if text == "" {
		return spec, fmt.Errorf("no source: set %s to what it is to do, as JSON", contract.EnvSource)
	}
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		return spec, fmt.Errorf("%s: %w", contract.EnvSource, err)
	}
	return spec, nil
}

// openSink reads where events go, and what is set on them.
func openSink(spec contract.Source, log *slog.Logger) (*source.Sink, error) {
	var overrides struct {
		Extensions map[string]string `json:"extensions"`
	}
	if text := os.Getenv(contract.EnvOverrides); text != "" {
		if err := json.Unmarshal([]byte(text), &overrides); err != nil {
			return nil, fmt.Errorf("%s: %w", contract.EnvOverrides, err)
		}
	}
	extensions := map[string]string{}
	maps.Copy(extensions, spec.Extensions)
	maps.Copy(extensions, overrides.Extensions)
	return source.NewSink(source.SinkConfig{
		URL: os.Getenv(contract.EnvSink), CACerts: os.Getenv(contract.EnvCACerts), Gateway: os.Getenv(contract.EnvGateway),
		Extensions: extensions, Delivery: spec.Delivery, DeadLetter: spec.DeadLetter, Log: log,
	})
}

// serveHTTP serves until ctx ends, then lets requests end.
func serveHTTP(ctx context.Context, addr string, h http.Handler) error {
	server := &http.Server{Addr: addr, Handler: h, ReadHeaderTimeout: 5 * time.Second}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return server.Shutdown(last)
	})
	return g.Wait()
}
