package verb

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
)

// BuildLogs is which logs of which build.
type BuildLogs struct {
	// Namespace is empty for any.
	Namespace, Name, Step string
	Follow                bool
	// Out gets the logs, Progress says where the build is.
	Out, Progress io.Writer
}

func newLogs(o *options) *cobra.Command {
	c := &cobra.Command{
		Use:   "logs",
		Short: "Print what a build has written",
		Args:  cli.MaxArgs(0),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newBuildLogs(o))
	return c
}

func newBuildLogs(o *options) *cobra.Command {
	var q BuildLogs
	c := &cobra.Command{
		Use:   "build NAME",
		Short: "Print the logs of a build's newest run, step after step",
		Long: `Print the logs of a build's newest run, step after step; which step it is goes
to standard error. The logs stay when the build has failed, took too long, was
cancelled or superseded. A build inside a Configuration or Service has its name.`,
		Example: `  $ sluice logs build app -f
  $ sluice logs build shop/cart --step build`,
		Args: cli.ExactArgs("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			q.Name = args[0]
			if ns, name, ok := strings.Cut(args[0], "/"); ok {
				q.Namespace, q.Name = ns, name
			}
			q.Out, q.Progress = o.streams.Out, o.streams.Err
			return buildLogs(c.Context(), o, q)
		},
	}
	c.Flags().BoolVarP(&q.Follow, "follow", "f", false, "wait for what is still to come")
	c.Flags().StringVar(&q.Step, "step", "", "only this step")
	return c
}

func buildLogs(ctx context.Context, o *options, q BuildLogs) error {
	cluster, err := o.parts.Cluster(o.kubeconfig)
	if err != nil {
		return err
	}
	return cluster.BuildLogs(ctx, q)
}
