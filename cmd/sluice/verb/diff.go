package verb

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/cmd/sluice/install"
	"github.com/sluice-dev/sluice/engine"
	"github.com/sluice-dev/sluice/engine/diff"
	"github.com/sluice-dev/sluice/engine/history"
)

type diffOptions struct {
	*options
	format   *cli.Format
	settings install.Settings
	names    []string
}

func newDiff(o *options) *cobra.Command {
	v := &diffOptions{options: o}
	c := &cobra.Command{
		Use:   "diff REVISION [REVISION]",
		Short: "Show field by field in what two revisions differ",
		Long: `Show field by field in what two revisions differ, from the repository's history.

A revision is given by its name or its ordinal, with its namespace before it where
several have one of that name. Without the second it is compared with the current one.`,
		Example: `  $ sluice diff helloworld-go-00001 helloworld-go-00002
  $ sluice diff shop/cart-00003                        # with the current one
  $ sluice diff cart-00003 -o json | jq -r '.changes[].path'`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cli.Usagef("%s wants REVISION [REVISION]\nTry: %s --help", c.CommandPath(), c.CommandPath())
			}
			return cli.MaxArgs(2)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			v.names = args
			return v.run(c.Context())
		},
	}
	v.format = cli.AddFormat(c, cli.Text, cli.JSON)
	sourceFlags(c, &v.settings)
	return c
}

// difference is the JSON form of a diff.
type difference struct {
	From    historic      `json:"from"`
	To      historic      `json:"to"`
	Changes []diff.Change `json:"changes"`
}

func (v *diffOptions) run(ctx context.Context) error {
	if err := v.source(ctx, &v.settings); err != nil {
		return err
	}
	repository, err := v.repository("", v.settings)
	if err != nil {
		return err
	}
	lines, err := engine.ReadLines(ctx, repository, Kinds(v.settings), Builds(v.settings))
	if err != nil {
		return err
	}
	var d difference
	var line history.Line
	if d.From, line, err = findRevision(lines, v.names[0]); err != nil {
		return err
	}
	if len(v.names) == 2 {
		d.To, _, err = findRevision(lines, v.names[1])
	} else {
		d.To, _, err = findRevision(lines, d.From.Namespace+"/"+line.Current())
	}
	if err != nil {
		return err
	}
	if d.Changes, err = between(d.From.Revision, d.To.Revision); err != nil {
		return err
	}
	if *v.format == cli.JSON {
		return v.streams.JSON(d)
	}
	v.print(d)
	return nil
}

// findRevision finds the one revision of that name, with its line.
func findRevision(lines map[string]history.Line, name string) (historic, history.Line, error) {
	namespace, short, qualified := strings.Cut(name, "/")
	if !qualified {
		namespace, short = "", name
	}
	var found []historic
	var in history.Line
	for _, full := range slices.Sorted(maps.Keys(lines)) {
		ns, _, _ := strings.Cut(full, "/")
		if r, ok := lines[full].Find(short); ok && (namespace == "" || ns == namespace) {
			in = lines[full]
			found = append(found, historic{Namespace: ns, Alias: r.Alias(), Revision: r, Current: r.Name == in.Current()})
		}
	}
	switch len(found) {
	case 0:
		return historic{}, in, fmt.Errorf("revision %q never was: `sluice history SERVICE` lists those of a service", name)
	case 1:
		return found[0], in, nil
	}
	return historic{}, in, fmt.Errorf("revision %q is in several namespaces: write %s/%s or %s/%s", name, found[0].Namespace, short, found[1].Namespace, short)
}

// between is what differs in the templates of two revisions.
func between(from, to history.Revision) ([]diff.Change, error) {
	var values [2]any
	for i, r := range []history.Revision{from, to} {
		b, err := json.Marshal(r.Workload.Template)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, &values[i]); err != nil {
			return nil, err
		}
	}
	return diff.Between(values[0], values[1]), nil
}

func (v *diffOptions) print(d difference) {
	s := v.streams
	for i, r := range []historic{d.From, d.To} {
		s.Printf("%s %s/%s (%s)  %s %s %q\n", []string{"-", "+"}[i], r.Namespace, r.Alias, r.Name, shortHash(r.Commit.Hash), r.Commit.Author, r.Commit.Subject)
	}
	if len(d.Changes) == 0 {
		s.Printf("The same template.\n")
	}
	for _, c := range d.Changes {
		s.Printf("  %s\n", shorten(c.String()))
	}
}
