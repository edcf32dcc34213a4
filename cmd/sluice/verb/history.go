package verb

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/cmd/sluice/install"
	"github.com/sluice-dev/sluice/engine"
	"github.com/sluice-dev/sluice/engine/history"
)

type historyOptions struct {
	*options
	format   *cli.Format
	settings install.Settings
	service  string
}

func newHistory(o *options) *cobra.Command {
	v := &historyOptions{options: o}
	c := &cobra.Command{
		Use:   "history SERVICE",
		Short: "List a service's revisions: ordinal, hash, commit, author, date",
		Example: `  $ sluice history helloworld-go
  $ sluice history shop/cart -o json
  $ sluice history helloworld-go --repo ./demo.git   # needs no cluster`,
		Args: cli.ExactArgs("SERVICE"),
		RunE: func(c *cobra.Command, args []string) error {
			v.service = args[0]
			return v.run(c.Context())
		},
	}
	v.format = cli.AddFormat(c, cli.Text, cli.JSON)
	sourceFlags(c, &v.settings)
	return c
}

// historic is the JSON form of a revision.
type historic struct {
	Namespace string `json:"namespace"`
	// Alias is the name with the ordinal.
	Alias string `json:"alias"`
	history.Revision
	// Current: the branch's newest commit describes it.
	Current bool `json:"current"`
}

func (v *historyOptions) run(ctx context.Context) error {
	if err := v.source(ctx, &v.settings); err != nil {
		return err
	}
	repository, err := v.repository("", v.settings)
	if err != nil {
		return err
	}
	namespace, name, qualified := strings.Cut(v.service, "/")
	if !qualified {
		namespace, name = "", v.service
	}
	lines, err := engine.ReadHistory(ctx, repository, Kinds(v.settings), Builds(v.settings), name)
	if err != nil {
		return err
	}
	revisions := flatten(lines, namespace)
	if len(revisions) == 0 {
		return fmt.Errorf("%s: never described on branch %s of %s; `sluice status` lists what is", v.service, v.settings.Branch, v.settings.Repository)
	}
	if *v.format == cli.JSON {
		return v.streams.JSON(revisions)
	}
	return v.print(revisions)
}

// flatten lists the revisions, the newest first; an empty namespace is all.
func flatten(lines map[string]history.Line, namespace string) []historic {
	out := []historic{}
	for _, ns := range slices.Sorted(maps.Keys(lines)) {
		if namespace != "" && ns != namespace {
			continue
		}
		for _, r := range slices.Backward(lines[ns].Revisions) {
			out = append(out, historic{Namespace: ns, Alias: r.Alias(), Revision: r, Current: r.Name == lines[ns].Current()})
		}
	}
	return out
}

func (v *historyOptions) print(revisions []historic) error {
	t := cli.NewTable(v.streams.Out, "", "REVISION", "ALIAS", "COMMIT", "DATE", "AUTHOR", "SUBJECT")
	for _, r := range revisions {
		mark := ""
		if r.Current {
			mark = "*"
		}
		t.Row(mark, r.Name, r.Alias, shortHash(r.Commit.Hash), r.Commit.When.Format("2006-01-02 15:04:05"), r.Commit.Author, r.Commit.Subject)
	}
	return t.Flush()
}
