package verb

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/engine/status"
)

type statusOptions struct {
	*options
	format *cli.Format
	only   string
}

func newStatus(o *options) *cobra.Command {
	v := &statusOptions{options: o}
	c := &cobra.Command{
		Use:   "status [NAME]",
		Short: "Say for every spec: commit, ready or not and why, revisions, traffic",
		Example: `  $ sluice status
  $ sluice status helloworld-go
  $ sluice status -o json | jq -r '.specs[] | select(.state != "Ready") | .reason'`,
		Args: cli.MaxArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				v.only = args[0]
			}
			return v.run(c.Context())
		},
	}
	v.format = cli.AddFormat(c, cli.Text, cli.JSON)
	return c
}

func (v *statusOptions) run(ctx context.Context) error {
	cluster, err := v.parts.Cluster(v.kubeconfig)
	if err != nil {
		return err
	}
	r, err := cluster.Report(ctx)
	if err != nil {
		return err
	}
	if v.only != "" {
		if r, err = named(r, v.only); err != nil {
			return err
		}
	}
	if *v.format == cli.JSON {
		return v.streams.JSON(r)
	}
	return v.print(r)
}

func (v *statusOptions) print(r status.Report) error {
	s := v.streams
	s.Printf("%s (%s) at %s %s\n", r.Repository, r.Branch, shortHash(r.Commit), r.Subject)
	if r.Error != "" {
		s.Printf("%s\n", s.Paint(cli.Red, r.Error))
	}
	t := cli.NewTable(s.Out, "SPEC", "STATE", "COMMIT", "REVISION", "TRAFFIC", "URL")
	for _, spec := range r.Specs {
		t.Row(spec.Identity.String(), s.Paint(stateColour(spec.State), string(spec.State)), shortHash(spec.Commit),
			latestOf(spec), trafficOf(spec), spec.URL)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if v.only != "" {
		if err := v.revisions(r.Specs); err != nil {
			return err
		}
	}
	for _, spec := range r.Specs {
		if spec.Reason != "" {
			s.Printf("\n%s: %s\n  %s\n", spec.Identity, spec.State, spec.Reason)
		}
	}
	v.previews(r.Previews)
	printFarewells(s, r.Farewells)
	if len(r.Problems) > 0 {
		s.Printf("\n")
	}
	printProblems(s, r.Problems)
	if r.Cut {
		s.Printf("... and more than could be stored; `sluice validate` lists all problems\n")
	}
	for _, h := range r.Holds {
		s.Printf("= %s  (%s)\n", h.ID, h.Reason)
	}
	return nil
}

// revisions prints what there is of specs that were asked for by name.
func (v *statusOptions) revisions(specs []status.Spec) error {
	t := cli.NewTable(v.streams.Out, "REVISION", "READY", "PODS", "LAST ACTIVATION")
	any := false
	for _, spec := range specs {
		for _, r := range spec.Revisions {
			t.Row(spec.Identity.Namespace+"/"+r.Name, strconv.FormatBool(r.Ready), strconv.Itoa(int(r.Replicas)), activationOf(r.LastActivation))
			any = true
		}
	}
	if !any {
		return nil
	}
	v.streams.Printf("\n")
	return t.Flush()
}

// activationOf is one activation in words; nothing for none.
func activationOf(a status.Activation) string {
	if a.Result == "" {
		return "-"
	}
	return strings.TrimSuffix(a.Result+" at "+a.At.Local().Format(time.DateTime)+": "+a.Error, ": ")
}

func latestOf(spec status.Spec) string {
	for _, r := range spec.Revisions {
		if r.Latest {
			return r.Name
		}
	}
	return "-"
}

func trafficOf(spec status.Spec) string {
	if len(spec.Traffic) == 0 {
		return "-"
	}
	parts := make([]string, len(spec.Traffic))
	for i, t := range spec.Traffic {
		parts[i] = fmt.Sprintf("%d%% %s", t.Percent, t.Revision)
		if t.Tag != "" {
			parts[i] += " (" + t.Tag + ")"
		}
	}
	return strings.Join(parts, ", ")
}

func stateColour(s status.State) string {
	switch s {
	case status.Ready:
		return cli.Green
	case status.Progressing:
		return cli.Yellow
	case status.Failed, status.Invalid:
	}
	return cli.Red
}

func shortHash(commit string) string {
	if commit == "" {
		return "-"
	}
	return commit[:min(len(commit), 7)]
}
