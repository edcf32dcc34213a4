package role

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"

	"github.com/sluice-dev/sluice/appliers/kubernetes"
	"github.com/sluice-dev/sluice/appliers/lastgood"
	"github.com/sluice-dev/sluice/appliers/registry"
	"github.com/sluice-dev/sluice/appliers/report"
	"github.com/sluice-dev/sluice/appliers/source"
	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/cmd/sluice/install"
	"github.com/sluice-dev/sluice/cmd/sluice/verb"
	"github.com/sluice-dev/sluice/engine"
	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Commands are the roles.
func Commands(s cli.Streams) []*cobra.Command {
	return []*cobra.Command{newEngine(s), newActivator(s), newAutoscaler(s), newBuild(s), newChannels(s), newSource(s)}
}

type engineOptions struct {
	streams    cli.Streams
	kubeconfig string
	admin      string
	debug      bool
}

func newEngine(s cli.Streams) *cobra.Command {
	o := &engineOptions{streams: s}
	c := &cobra.Command{
		Use:   "engine",
		Short: "Watch the repository and make the cluster what it says",
		Long: `The sync engine. It runs in the cluster that it looks after, with the settings
that sluice install left there; of several, one works and the others wait.`,
		Example: `  $ sluice engine                      # in a pod
  $ sluice engine --kubeconfig FILE    # from outside, for development`,
		Args: cli.MaxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error {
			o.kubeconfig, _ = c.Flags().GetString("kubeconfig")
			return o.run(c.Context())
		},
	}
	c.Flags().StringVar(&o.admin, "admin", ":9090", "address of /healthz, /readyz, /metrics and /hooks/git")
	c.Flags().BoolVar(&o.debug, "debug", false, "log everything")
	return c
}

// logger writes JSON lines: the form that machines gather.
func logger(s cli.Streams, debug bool) *slog.Logger {
	level := slog.LevelInfo
	if debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewJSONHandler(s.Err, &slog.HandlerOptions{Level: level}))
}

func (o *engineOptions) run(ctx context.Context) error {
	TuneMemory()
	log := logger(o.streams, o.debug)
	klog.SetSlogLogger(log)
	c, err := open(o.kubeconfig, log)
	if err != nil {
		return err
	}
	settings, err := c.awaitSettings(ctx, log)
	if err != nil {
		return err
	}
	repository, err := git.New(repositoryConfig(settings, log))
	if err != nil {
		return err
	}
	defer repository.Close()
	sources, err := source.New(source.Config{Blobs: repository, Client: c.client, Log: log})
	if err != nil {
		return err
	}
	work, err := c.engine(settings, repository, sources, log)
	if err != nil {
		return err
	}
	admin := newAdmin(o.admin, log)
	admin.metric("sluice_api_requests_total", "Requests to the API server by verb.", "verb", c.requests.Counts)
	if err := addWebhook(admin, settings, repository, log); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return admin.run(ctx) })
	g.Go(func() error { return serveSources(ctx, settings.Builds.SourceAddress(), sources, log) })
	g.Go(func() error {
		admin.ready.Store(true)
		return c.lead(ctx, contract.Engine, self(), log, work)
	})
	return g.Wait()
}

// engine wires the loop and what reports for it.
func (c *cluster) engine(settings install.Settings, repository *git.Repository, sources engine.Sources, log *slog.Logger) (func(context.Context) error, error) {
	reporter, events, err := c.reporter(settings, repository.String(), log)
	if err != nil {
		return nil, err
	}
	kept, err := lastgood.New(lastgood.Config{Source: repository, Name: repository.String() + " " + settings.Branch, Client: c.client, Log: log})
	if err != nil {
		return nil, err
	}
	c.observer.Need(engine.BaseKinds()...)
	cfg := c.Config()
	cfg.Name, cfg.Branch = repository.String(), settings.Branch
	cfg.Repository, cfg.References, cfg.Watcher = kept, repository, repository
	statuses, err := commitStatuses(settings, repository.String(), log)
	if err != nil {
		log.Error("commit statuses are off", "error", err)
	}
	cfg.Reporter = reporters{reporter, statuses}
	if cfg.Digests, err = registry.New(registry.Config{Secrets: registry.Kube{Client: c.client}, Mirrors: settings.Builds.Registries}); err != nil {
		return nil, err
	}
	cfg.Kinds = verb.Kinds(settings)
	cfg.Builds = verb.Builds(settings)
	cfg.Sources = sources
	cfg.Render.Domain, cfg.Render.Image, cfg.Render.Gateway = settings.Domain, settings.Image, settings.Gateway()
	cfg.Previews, cfg.Watch = verb.PreviewLimits(settings), c
	cfg.Committer, cfg.Author = repository, author(settings)
	cfg.Log = log
	if _, err := engine.New(cfg); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		cfg.Last = c.lastReport(ctx, cfg.Name, cfg.Branch)
		e, err := engine.New(cfg)
		if err != nil {
			return err
		}
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error { return events.Run(ctx) })
		g.Go(func() error { return reporter.Run(ctx) })
		g.Go(func() error { return statuses.Run(ctx) })
		g.Go(func() error { return kept.Run(ctx) })
		g.Go(func() error { return e.Run(ctx) })
		return g.Wait()
	}, nil
}

// lastReport is what an earlier leader said last of the same branch; zero if
// there is none or it cannot be read: then everything is told anew.
func (c *cluster) lastReport(ctx context.Context, name, branch string) status.Report {
	last, err := c.Report(ctx)
	if err != nil || last.Repository != name || last.Branch != branch {
		return status.Report{}
	}
	return last
}

// reporter wires status, Kubernetes Events and CloudEvents.
func (c *cluster) reporter(settings install.Settings, repository string, log *slog.Logger) (*report.Reporter, *kubernetes.Events, error) {
	events, err := kubernetes.NewEvents(kubernetes.EventsConfig{API: c.api, Log: log})
	if err != nil {
		return nil, nil, err
	}
	cfg := report.Config{Client: c.client, Recorder: recorder{events}, Log: log}
	if settings.EventsSink != "" {
		if cfg.Sink, err = report.NewSink(settings.EventsSink, repository); err != nil {
			return nil, nil, err
		}
	}
	r, err := report.New(cfg)
	return r, events, err
}

// awaitSettings reads the settings, however long the API server is away.
func (c *cluster) awaitSettings(ctx context.Context, log *slog.Logger) (install.Settings, error) {
	for {
		settings, err := c.Settings(ctx)
		if err == nil || ctx.Err() != nil {
			return settings, err
		}
		log.Warn("settings cannot be read; trying again", "error", err)
		select {
		case <-ctx.Done():
			return install.Settings{}, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// repositoryConfig turns settings and mounted secrets into a repository.
func repositoryConfig(s install.Settings, log *slog.Logger) git.Config {
	cfg := git.Config{URL: s.Repository, Branch: s.Branch, Log: log}
	if s.GitSecret != "" {
		cfg.Auth = authFrom(install.GitSecretDir)
	}
	return cfg
}

// authFrom names the files of a mounted Secret, under the keys of Kubernetes'
// own Secret types basic-auth and ssh-auth.
func authFrom(dir string) git.Auth {
	file := func(name string) string {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err != nil {
			return ""
		}
		return path
	}
	auth := git.Auth{
		PasswordFile: file("password"), BearerFile: file("token"), CAFile: file("ca.crt"),
		SSHKeyFile: file("ssh-privatekey"), SSHPassphraseFile: file("ssh-passphrase"), KnownHostsFile: file("known_hosts"),
	}
	if b, err := os.ReadFile(filepath.Join(dir, "username")); err == nil {
		auth.Username = string(b)
	}
	return auth
}

// addWebhook opens /hooks/git if the installation has a secret for it.
func addWebhook(admin *admin, s install.Settings, repository *git.Repository, log *slog.Logger) error {
	if s.WebhookSecret == "" {
		return nil
	}
	secret, err := os.ReadFile(filepath.Join(install.WebhookSecretDir, "secret"))
	if err != nil {
		return fmt.Errorf("webhook: Secret %s/%s: %w", contract.Namespace, s.WebhookSecret, err)
	}
	if len(secret) == 0 {
		return errors.New("webhook: the key `secret` is empty")
	}
	hook, err := git.Webhook(secret, repository.Hint, log)
	if err != nil {
		return err
	}
	admin.mux.Handle("POST /hooks/git", http.Handler(hook))
	return nil
}
