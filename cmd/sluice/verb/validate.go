package verb

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/cmd/sluice/install"
	"github.com/sluice-dev/sluice/engine"
	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/schema"
)

type validateOptions struct {
	*options
	format   *cli.Format
	settings install.Settings
	path     string
}

func newValidate(o *options) *cobra.Command {
	v := &validateOptions{options: o}
	c := &cobra.Command{
		Use:   "validate [PATH]",
		Short: "Say what is wrong in specs, with file, line and column; needs no cluster",
		Long:  `Read every spec under PATH (default: this folder; a file, a folder or a bare repository) as the engine would.`,
		Example: `  $ sluice validate
  $ sluice validate specs/hello.yaml
  $ sluice validate -o json . | jq -r '.problems[].text'`,
		Args: cli.MaxArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			v.path = "."
			if len(args) == 1 {
				v.path = args[0]
			}
			return v.run(c.Context())
		},
	}
	v.format = cli.AddFormat(c, cli.Text, cli.JSON)
	addPolicyFlags(c, &v.settings)
	c.Flags().StringVar(&v.settings.Branch, "branch", "main", "branch to read, if PATH is a bare repository")
	return c
}

// validated is the JSON form.
type validated struct {
	Specs    []string         `json:"specs"`
	Problems []schema.Problem `json:"problems"`
}

func (v *validateOptions) run(ctx context.Context) error {
	var repository engine.Repository
	var err error
	if isBare(v.path) {
		repository, err = v.parts.Repository(git.Config{URL: v.path, Branch: v.settings.Branch})
	} else {
		repository, err = openFolder(v.path)
	}
	if err != nil {
		return err
	}
	tree, err := engine.ReadTree(ctx, repository, Kinds(v.settings))
	if err != nil {
		return err
	}
	out := validated{Specs: []string{}, Problems: tree.Problems}
	for _, entry := range tree.Specs {
		out.Specs = append(out.Specs, entry.Identity.String())
	}
	if *v.format == cli.JSON {
		if out.Problems == nil {
			out.Problems = []schema.Problem{}
		}
		err = v.streams.JSON(out)
	} else {
		v.print(out)
	}
	if err == nil && schema.HasErrors(tree.Problems) {
		err = &cli.Exit{Code: cli.Invalid}
	}
	return err
}

func (v *validateOptions) print(out validated) {
	printProblems(v.streams, out.Problems)
	errs, warnings := countProblems(out.Problems)
	v.streams.Printf("%d specs valid, %d errors, %d warnings.\n", len(out.Specs), errs, warnings)
}

// addPolicyFlags are what an installation allows beyond the default.
func addPolicyFlags(c *cobra.Command, s *install.Settings) {
	c.Flags().StringSliceVar(&s.Allow, "allow", nil, "further plain kinds that the repository may hold, as Role.rbac.authorization.k8s.io")
	c.Flags().BoolVar(&s.AllowSecrets, "allow-secrets", false, "let Secrets with plaintext values through")
}
