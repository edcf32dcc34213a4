package verb

import (
	"context"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/cmd/sluice/install"
	"github.com/sluice-dev/sluice/engine"
	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
)

// Version is set by the linker.
var Version = "dev"

// Parts opens what verbs need. Nothing is opened until a verb asks, so that
// `--help` and `validate` need no cluster.
type Parts interface {
	// Cluster opens the cluster of a kubeconfig; "" searches for one.
	Cluster(kubeconfig string) (Cluster, error)
	// Repository opens a repository.
	Repository(cfg git.Config) (engine.Repository, error)
}

// Cluster is one open cluster.
type Cluster interface {
	// Settings are what it was installed with.
	Settings(ctx context.Context) (install.Settings, error)
	// Report is what its engine said last.
	Report(ctx context.Context) (status.Report, error)
	// Ask gets what the autoscaler that leads answers for a path.
	Ask(ctx context.Context, path string) ([]byte, error)
	// Events opens what the dispatcher of events answers for a path.
	Events(ctx context.Context, method, path string, query url.Values, body io.Reader) (io.ReadCloser, error)
	// BuildLogs copies what a build has written.
	BuildLogs(ctx context.Context, q BuildLogs) error
	// FarewellAgain has a failed farewell tried once more, and gives the name of the
	// Job that does.
	FarewellAgain(ctx context.Context, namespace, job string) (string, error)
	// Config is an engine's half that faces the cluster.
	Config() engine.Config
}

// Root is the command tree; roles are what a machine runs.
func Root(s cli.Streams, parts Parts, roles ...*cobra.Command) *cobra.Command {
	root := &cobra.Command{
		Use:   "sluice",
		Short: "Git push deploys; git revert rolls back",
		Long: `Git push deploys; git revert rolls back.
Sluice makes a Kubernetes cluster serve what a Git branch says.

Exit codes: 0 fine, 1 failed, 2 usage, 3 changes pending (plan --exit-code), 4 specs invalid.`,
		Example: `  $ sluice validate .                 # is everything in this folder right?
  $ sluice plan                       # what would change, and why
  $ sluice status                     # what is there, ready or not, and why
  $ sluice history helloworld-go      # its revisions: who brought them, and when
  $ sluice traffic helloworld-go      # who gets what, and since which commit
  $ sluice rollback helloworld-go     # back to the revision before: a commit, pushed
  $ sluice explain helloworld-go      # why it has the pods that it has`,
		Version: Version,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("unknown command %q%s\nTry: %s --help", args[0], meant(c, args[0]), c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	o := &options{streams: s, parts: parts}
	root.PersistentFlags().StringVar(&o.kubeconfig, "kubeconfig", "", "the cluster; else $KUBECONFIG, else .sluice/kubeconfig")
	root.AddGroup(&cobra.Group{ID: "verbs", Title: "Verbs:"}, &cobra.Group{ID: "roles", Title: "Roles in the cluster:"})
	for _, c := range []*cobra.Command{
		newValidate(o), newRender(o), newPlan(o), newStatus(o), newHistory(o), newDiff(o), newTraffic(o), newRollback(o), newExplain(o), newLogs(o), newTop(o), newEvents(o), newFarewells(o), newInstall(o),
	} {
		c.GroupID = "verbs"
		root.AddCommand(c)
	}
	for _, c := range roles {
		c.GroupID = "roles"
		root.AddCommand(c)
	}
	return root
}

// meant names the command that a mistyped one may have been.
func meant(c *cobra.Command, word string) string {
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	if near, ok := schema.Nearest(word, names); ok {
		return ": did you mean " + near + "?"
	}
	return ""
}

// options are what all verbs share.
type options struct {
	streams    cli.Streams
	parts      Parts
	kubeconfig string
}
