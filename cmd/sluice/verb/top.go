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
		Short: "Show requests, latency, concurrency, queue and pods of every revision that is awake",
		Long: `Show requests, latency, concurrency, queue and pods of every revision that is awake.
REQ/S, P50 and P95 are of the last second; AVERAGE is what the stable window has of the
metric, TARGET how much of it a pod is meant to have.`,
		Example: `  $ sluice top
  $ watch -n1 sluice top
  $ sluice top -o json | jq -r '.[] | select(.queued > 0) | .revision'`,
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
	if len(entries) == 0 {
		v.streams.Printf("Nothing is awake. `sluice status` lists what there is.\n")
		return nil
	}
	t := cli.NewTable(v.streams.Out, "REVISION", "REQ/S", "P50", "P95", "IN FLIGHT", "QUEUED", "AVERAGE", "TARGET", "PODS", "READY", "WHY")
	for _, e := range entries {
		t.Row(e.Namespace+"/"+e.Revision, number(e.Rate), latency(e.P50), latency(e.P95), strconv.Itoa(e.InFlight), strconv.Itoa(e.Queued),
			number(e.Stable), number(e.Target), fmt.Sprintf("%d of %d", e.Have, e.Want), strconv.Itoa(int(e.Ready)), e.Reason)
	}
	return t.Flush()
}

// latency is a number of seconds as people say it; nothing for none.
func latency(seconds float64) string {
	switch {
	case seconds <= 0:
		return "-"
	case seconds < 1:
		return strconv.FormatFloat(seconds*1000, 'g', 3, 64) + "ms"
	}
	return strconv.FormatFloat(seconds, 'g', 3, 64) + "s"
}
