package verb

import (
	"context"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/cmd/sluice/install"
	"github.com/sluice-dev/sluice/engine"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/schema"
)

type renderOptions struct {
	*options
	format   *cli.Format
	settings install.Settings
	path     string
}

func newRender(o *options) *cobra.Command {
	v := &renderOptions{options: o}
	c := &cobra.Command{
		Use:   "render [PATH]",
		Short: "Print the manifests that specs become, as if every revision were ready; needs no cluster",
		Example: `  $ sluice render specs/hello.yaml
  $ sluice render . | kubectl diff --server-side -f -`,
		Args: cli.MaxArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			v.path = "."
			if len(args) == 1 {
				v.path = args[0]
			}
			return v.run(c.Context())
		},
	}
	v.format = cli.AddFormat(c, cli.YAML, cli.JSON)
	c.Flags().StringVar(&v.settings.Domain, "domain", "localhost", "suffix of external hosts")
	c.Flags().StringVar(&v.settings.Branch, "branch", "main", "branch to read, if PATH is a bare repository")
	addPolicyFlags(c, &v.settings)
	return c
}

func (v *renderOptions) run(ctx context.Context) error {
	repository, err := v.repository(v.path, v.settings)
	if err != nil {
		return err
	}
	manifests, problems, err := engine.RenderTree(ctx, repository, Kinds(v.settings), render.Config{Domain: v.settings.Domain, ApplySet: "sluice"}, Builds(v.settings))
	if err != nil {
		return err
	}
	if schema.HasErrors(problems) {
		printProblems(cli.Streams{Out: v.streams.Err, Colour: v.streams.Colour}, problems)
	}
	objects := make([]any, len(manifests))
	for i, m := range manifests {
		if err := yaml.Unmarshal(m.JSON, &objects[i]); err != nil {
			return err
		}
	}
	if *v.format == cli.JSON {
		err = v.streams.JSON(map[string]any{"apiVersion": "v1", "kind": "List", "items": objects})
	} else {
		err = v.printYAML(objects)
	}
	if err == nil && schema.HasErrors(problems) {
		return &cli.Exit{Code: cli.Invalid}
	}
	return err
}

func (v *renderOptions) printYAML(objects []any) error {
	for _, o := range objects {
		b, err := yaml.Marshal(o)
		if err != nil {
			return err
		}
		v.streams.Printf("---\n%s", b)
	}
	return nil
}
