package verb

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/runtime/autoscaler"
	"github.com/sluice-dev/sluice/schema/contract"
)

type topOptions struct {
	*options
	format *cli.Format
}

func newTop(o *options) *cobra.Command {
	v := &topOptions{options: o}
	c := &cobra.Command{
		Use:   "top",
		Short: "Show requests, concurrency, queue and pods of every revision that is awake",
		Example: `  $ sluice top
  $ watch -n1 sluice top`,
		Args: cli.MaxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error { return v.run(c.Context()) },
	}
	v.format = cli.AddFormat(c, cli.Text, cli.JSON)
	return c
}

func (v *topOptions) run(ctx context.Context) error {
	cluster, err := v.parts.Cluster(v.kubeconfig)
	if err != nil {
		return err
	}
	b, err := cluster.Ask(ctx, contract.PathTop)
	if err != nil {
		return err
	}
	var entries []autoscaler.Entry
	if err := json.Unmarshal(b, &entries); err != nil {
		return fmt.Errorf("autoscaler: %w", err)
	}
	if *v.format == cli.JSON {
		return v.streams.JSON(entries)
	}
	t := cli.NewTable(v.streams.Out, "REVISION", "REQ/S", "IN FLIGHT", "QUEUED", "PODS", "READY", "WHY")
	for _, e := range entries {
		t.Row(e.Namespace+"/"+e.Revision, number(e.Rate), strconv.Itoa(e.InFlight), strconv.Itoa(e.Queued),
			fmt.Sprintf("%d of %d", e.Have, e.Want), strconv.Itoa(int(e.Ready)), e.Reason)
	}
	return t.Flush()
}
