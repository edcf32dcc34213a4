package verb

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/runtime/autoscaler"
	"github.com/sluice-dev/sluice/schema/contract"
)

type explainOptions struct {
	*options
	format  *cli.Format
	service string
}

func newExplain(o *options) *cobra.Command {
	v := &explainOptions{options: o}
	c := &cobra.Command{
		Use:   "explain SERVICE",
		Short: "Tell why a service has the pods it has: the last decisions with their inputs",
		Example: `  $ sluice explain helloworld-go
  $ sluice explain shop/cart -o json | jq '.[].decisions[-1]'`,
		Args: cli.ExactArgs("SERVICE"),
		RunE: func(c *cobra.Command, args []string) error {
			v.service = args[0]
			return v.run(c.Context())
		},
	}
	v.format = cli.AddFormat(c, cli.Text, cli.JSON)
	return c
}

func (v *explainOptions) run(ctx context.Context) error {
	cluster, err := v.parts.Cluster(v.kubeconfig)
	if err != nil {
		return err
	}
	report, err := cluster.Report(ctx)
	if err != nil {
		return err
	}
	if report, err = named(report, v.service); err != nil {
		return err
	}
	specs := report.Specs
	names := revisionsOf(specs)
	if len(names) == 0 {
		return fmt.Errorf("%s has no revision; `sluice status %s` says why", v.service, v.service)
	}
	explanations := []autoscaler.Explanation{}
	var unknown error
	for _, name := range names {
		e, err := explanation(ctx, cluster, name)
		if err != nil {
			unknown = err // it may be gone since the report
			continue
		}
		explanations = append(explanations, e)
	}
	if len(explanations) == 0 {
		return unknown
	}
	if *v.format == cli.JSON {
		return v.streams.JSON(explanations)
	}
	return v.print(explanations)
}

func explanation(ctx context.Context, cluster Cluster, revision string) (e autoscaler.Explanation, err error) {
	b, err := cluster.Ask(ctx, contract.PathExplain+"?revision="+url.QueryEscape(revision))
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return e, fmt.Errorf("autoscaler: %w", err)
	}
	return e, nil
}

// revisionsOf are the revisions of specs, as namespace/name.
func revisionsOf(specs []status.Spec) []string {
	var out []string
	for _, s := range specs {
		for _, r := range s.Revisions {
			out = append(out, s.Identity.Namespace+"/"+r.Name)
		}
	}
	return out
}

func (v *explainOptions) print(explanations []autoscaler.Explanation) error {
	for _, e := range explanations {
		v.streams.Printf("%s\n", e.Revision)
		if a := e.LastActivation; a.Result != "" {
			v.streams.Printf("  last activation: %s at %s\n", strings.TrimSuffix(a.Result+": "+a.Error, ": "), a.At.Local().Format(time.DateTime))
		}
		if len(e.Decisions) == 0 {
			v.streams.Printf("  nothing was decided since the autoscaler began to lead\n")
			continue
		}
		t := cli.NewTable(v.streams.Out, "  AT", "PODS", "READY", "IN FLIGHT", "QUEUED", "STABLE", "PANIC", "TARGET", "WHY")
		for _, d := range e.Decisions {
			t.Row("  "+d.At.Local().Format("15:04:05.000"), fmt.Sprintf("%d -> %d", d.Have, d.Want), strconv.Itoa(int(d.Ready)),
				strconv.Itoa(d.InFlight), strconv.Itoa(d.Queued), number(d.StableValue), number(d.PanicValue), number(d.Target), d.Reason)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
