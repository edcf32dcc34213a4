package verb

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/install"
)

// sourceFlags gives a verb that reads a repository the flags that name it.
func sourceFlags(c *cobra.Command, s *install.Settings) {
	c.Flags().StringVar(&s.Repository, "repo", "", "repository; default: the one that the cluster's engine watches")
	c.Flags().StringVar(&s.Branch, "branch", "main", "its branch, with --repo")
}

// source fills in what the cluster was installed with, unless a repository is
// named.
func (o *options) source(ctx context.Context, s *install.Settings) error {
	if s.Repository != "" {
		return nil
	}
	cluster, err := o.parts.Cluster(o.kubeconfig)
	if err != nil {
		return err
	}
	*s, err = cluster.Settings(ctx)
	return err
}
