package verb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/cmd/sluice/install"
	"github.com/sluice-dev/sluice/engine"
	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/catalog"
	"github.com/sluice-dev/sluice/schema/plain"
)

type planOptions struct {
	*options
	format   *cli.Format
	path     string
	exitCode bool
}

func newPlan(o *options) *cobra.Command {
	p := &planOptions{options: o}
	c := &cobra.Command{
		Use:   "plan [PATH]",
		Short: "Print what would change in the cluster, and why; change nothing",
		Long: `Compare specs with the cluster and print every write the engine would do.

Without PATH the repository and branch are those that the cluster's engine
watches. PATH is a folder of specs, uncommitted changes and all, or a bare
repository.`,
		Example: `  $ sluice plan
  $ sluice plan ./demo --exit-code && echo nothing to do
  $ sluice plan -o json | jq '.steps[].object'`,
		Args: cli.MaxArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				p.path = args[0]
			}
			return p.run(c.Context())
		},
	}
	p.format = cli.AddFormat(c, cli.Text, cli.JSON)
	c.Flags().BoolVar(&p.exitCode, "exit-code", false, "exit with 3 if there are changes")
	return c
}

// planned is the JSON form of a plan.
type planned struct {
	Commit   string           `json:"commit"`
	Steps    []plannedStep    `json:"steps"`
	Holds    []plan.Hold      `json:"holds"`
	Problems []schema.Problem `json:"problems"`
}

type plannedStep struct {
	Action  string   `json:"action"`
	Object  string   `json:"object"`
	Spec    string   `json:"spec"`
	Reason  string   `json:"reason"`
	Changes []string `json:"changes,omitempty"`
}

func (p *planOptions) run(ctx context.Context) error {
	cluster, err := p.parts.Cluster(p.kubeconfig)
	if err != nil {
		return err
	}
	settings, err := cluster.Settings(ctx)
	if err != nil {
		return err
	}
	repository, err := p.repository(p.path, settings)
	if err != nil {
		return err
	}
	made, report, err := planFor(ctx, cluster, settings, repository)
	if err != nil {
		return err
	}
	if err := p.print(made, report); err != nil {
		return err
	}
	if schema.HasErrors(report.Problems) {
		return &cli.Exit{Code: cli.Invalid}
	}
	if p.exitCode && len(made.Steps) > 0 {
		return &cli.Exit{Code: cli.Pending}
	}
	return nil
}

// planFor runs the engine's line against the cluster as far as the plan.
func planFor(ctx context.Context, cluster Cluster, settings install.Settings, repository engine.Repository) (plan.Plan, status.Report, error) {
	cfg := cluster.Config()
	cfg.Name, cfg.Branch = settings.Repository, settings.Branch
	cfg.Repository = repository
	cfg.References = references(repository)
	cfg.Kinds = Kinds(settings)
	cfg.Builds = Builds(settings)
	cfg.Render.Domain = settings.Domain
	cfg.Previews = PreviewLimits(settings)
	if last, err := cluster.Report(ctx); err == nil {
		cfg.Last = last
	}
	e, err := engine.New(cfg)
	if err != nil {
		return plan.Plan{}, status.Report{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- cfg.Observer.Run(ctx) }()
	made, report, err := e.Preview(ctx)
	stop()
	<-done
	return made, report, err
}

// Kinds is the table of contents under an installation's policy.
func Kinds(s install.Settings) schema.Kinds {
	return schema.NewKinds(catalog.Kinds(plain.Policy{Allow: s.Allow, AllowSecrets: s.AllowSecrets}))
}

// repository opens PATH, or what the cluster's engine watches.
func (o *options) repository(path string, s install.Settings) (engine.Repository, error) {
	if path == "" {
		return o.parts.Repository(git.Config{URL: s.Repository, Branch: s.Branch})
	}
	if isBare(path) {
		return o.parts.Repository(git.Config{URL: path, Branch: s.Branch})
	}
	f, err := openFolder(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(f.root, ".git")); err == nil {
		if f.past, err = o.parts.Repository(git.Config{URL: f.root, Branch: s.Branch}); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// isBare reports whether a folder is a bare Git repository.
func isBare(path string) bool {
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := os.Stat(filepath.Join(path, name)); err != nil {
			return false
		}
	}
	return true
}

func (p *planOptions) print(made plan.Plan, r status.Report) error {
	if *p.format == cli.JSON {
		return p.streams.JSON(jsonPlan(made, r))
	}
	printProblems(p.streams, r.Problems)
	for _, step := range made.Steps {
		p.streams.Printf("%s %s  (%s: %s)\n", p.streams.Paint(actionColour(step.Action), sign(step.Action)), step.ID, step.Unit, step.Reason)
		for _, change := range step.Changes {
			p.streams.Printf("      %s\n", shorten(change.String()))
		}
	}
	for _, hold := range made.Holds {
		p.streams.Printf("%s %s  (%s)\n", p.streams.Paint(cli.Yellow, "="), hold.ID, hold.Reason)
	}
	n := made.Counts()
	p.streams.Printf("Plan: %d create, %d change, %d heal, %d delete, %d hold.\n",
		n[plan.Create], n[plan.Update], n[plan.Heal], n[plan.Delete], len(made.Holds))
	return nil
}

func jsonPlan(made plan.Plan, r status.Report) planned {
	out := planned{Commit: r.Commit, Steps: []plannedStep{}, Holds: slices.Clone(made.Holds), Problems: r.Problems}
	for _, step := range made.Steps {
		s := plannedStep{Action: step.Action.String(), Object: step.ID.String(), Spec: step.Unit.String(), Reason: step.Reason}
		for _, change := range step.Changes {
			s.Changes = append(s.Changes, change.String())
		}
		out.Steps = append(out.Steps, s)
	}
	return out
}

func sign(a plan.Action) string {
	switch a {
	case plan.Create:
		return "+"
	case plan.Delete:
		return "-"
	case plan.Update, plan.Heal:
	}
	return "~"
}

func actionColour(a plan.Action) string {
	switch a {
	case plan.Create:
		return cli.Green
	case plan.Delete:
		return cli.Red
	case plan.Update, plan.Heal:
	}
	return cli.Yellow
}

// shorten keeps a line of output readable.
func shorten(s string) string {
	const most = 160
	s = strings.ReplaceAll(s, "\n", `\n`)
	if len(s) > most {
		return s[:most] + fmt.Sprintf("... (%d more bytes)", len(s)-most)
	}
	return s
}
