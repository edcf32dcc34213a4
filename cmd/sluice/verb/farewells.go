package verb

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/engine/status"
)

type farewells struct {
	*options
	format *cli.Format
}

func newFarewells(o *options) *cobra.Command {
	v := &farewells{options: o}
	c := &cobra.Command{
		Use:   "farewells",
		Short: "What deleted specs still have outside the cluster, and why",
		Long: `What deleted specs still have outside the cluster: webhooks, subscriptions, feeds that
somebody's own image has started. A Job removes them when the spec goes. It is tried for half
an hour; one that has failed stays for a day, so that what is in its way can be mended.`,
		Example: `  $ sluice farewells
  $ sluice farewells -o json | jq -r '.[] | select(.state == "Failed") | .reason'
  $ sluice farewells again shop/hub-source-farewell-1a2b3c4d`,
		Args: cli.MaxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error { return v.list(c.Context()) },
	}
	v.format = cli.AddFormat(c, cli.Text, cli.JSON)
	c.AddCommand(&cobra.Command{
		Use:     "again NAMESPACE/JOB",
		Short:   "Try one again that has failed",
		Example: `  $ sluice farewells again shop/hub-source-farewell-1a2b3c4d     # as sluice farewells shows it`,
		Args:    cli.ExactArgs("NAMESPACE/JOB"),
		RunE:    func(c *cobra.Command, args []string) error { return v.again(c.Context(), args[0]) },
	})
	return c
}

func (v *farewells) report(ctx context.Context) (Cluster, []status.Farewell, error) {
	cluster, err := v.parts.Cluster(v.kubeconfig)
	if err != nil {
		return nil, nil, err
	}
	r, err := cluster.Report(ctx)
	return cluster, r.Farewells, err
}

func (v *farewells) list(ctx context.Context) error {
	_, all, err := v.report(ctx)
	if err != nil {
		return err
	}
	if *v.format == cli.JSON {
		return v.streams.JSON(append([]status.Farewell{}, all...))
	}
	if len(all) == 0 {
		v.streams.Printf("Nothing of deleted specs is outside the cluster.\n")
		return nil
	}
	t := cli.NewTable(v.streams.Out, "SPEC", "STATE", "JOB", "OUTSIDE")
	for _, f := range all {
		t.Row(f.Spec.String(), v.streams.Paint(stateColour(f.State), string(f.State)), f.Namespace+"/"+f.Job, f.What)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	printFarewells(v.streams, all)
	return nil
}

// printFarewells says what is wrong with each, and what to type.
func printFarewells(s cli.Streams, all []status.Farewell) {
	for _, f := range all {
		if !f.Failed() {
			s.Printf("\n%s\n", f)
			continue
		}
		again, giveUp := f.Next()
		s.Printf("\n%s: %s\n  what it has outside the cluster is still there: %s\n  %s\n  mend that, and try again:      %s\n  or remove it by hand, and then: %s\n",
			f.Spec, s.Paint(cli.Red, "not removed"), f.What, f.Reason, again, giveUp)
	}
}

func (v *farewells) again(ctx context.Context, name string) error {
	cluster, all, err := v.report(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(f status.Farewell) bool { return f.Namespace+"/"+f.Job == name || f.Job == name })
	switch {
	case i < 0:
		return fmt.Errorf("%s: no farewell of that name is under way or has failed; `sluice farewells` lists all", name)
	case !all[i].Failed():
		return fmt.Errorf("%s: it has not failed: it is still tried", name)
	}
	job, err := cluster.FarewellAgain(ctx, all[i].Namespace, all[i].Job)
	if err != nil {
		return err
	}
	v.streams.Printf("It is tried again by the Job %s/%s.\n", all[i].Namespace, job)
	return nil
}
