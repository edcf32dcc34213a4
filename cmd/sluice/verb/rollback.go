package verb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/cmd/sluice/clone"
	"github.com/sluice-dev/sluice/cmd/sluice/install"
	"github.com/sluice-dev/sluice/engine"
	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/history"
)

// tries is how often a rollback begins anew when the branch moves under it.
const tries = 3

type rollbackOptions struct {
	*options
	format   *cli.Format
	settings install.Settings
	service  string
	to       string
	dryRun   bool
}

func newRollback(o *options) *cobra.Command {
	v := &rollbackOptions{options: o}
	c := &cobra.Command{
		Use:   "rollback SERVICE",
		Short: "Go back to an earlier revision: commit the service's earlier document and push it",
		Long: `Go back to an earlier revision: make a commit in which the service's document is what
it was when it described that revision last, and push it. Git is changed, never the
cluster; the engine does the rest. All that other commits changed stays.

It uses your own git, with your name, credentials and signature.`,
		Example: `  $ sluice rollback helloworld-go                      # to the revision before
  $ sluice rollback shop/cart --to cart-00003 --dry-run # show the commit only
  $ sluice rollback helloworld-go --repo git@example.com:team/specs.git`,
		Args: cli.ExactArgs("SERVICE"),
		RunE: func(c *cobra.Command, args []string) error {
			v.service = args[0]
			return v.run(c.Context())
		},
	}
	v.format = cli.AddFormat(c, cli.Text, cli.JSON)
	c.Flags().StringVar(&v.to, "to", "", "revision to go back to, by name or ordinal; default: the one before the current")
	c.Flags().BoolVar(&v.dryRun, "dry-run", false, "show the commit, push nothing")
	sourceFlags(c, &v.settings)
	return c
}

// rolledBack is the JSON form of what a rollback did.
type rolledBack struct {
	Spec string `json:"spec"`
	File string `json:"file"`
	// From is null if the service is not described now.
	From *history.Revision `json:"from"`
	To   history.Revision  `json:"to"`
	// Commit was pushed to Branch of Repository, or would be.
	Commit     string `json:"commit"`
	Branch     string `json:"branch"`
	Repository string `json:"repository"`
	Pushed     bool   `json:"pushed"`
	Patch      string `json:"patch"`
}

func (v *rollbackOptions) run(ctx context.Context) error {
	if err := v.source(ctx, &v.settings); err != nil {
		return err
	}
	var done rolledBack
	var err error
	for range tries {
		if done, err = v.once(ctx); !errors.Is(err, clone.ErrMoved) {
			break
		}
	}
	if err != nil {
		return err
	}
	if *v.format == cli.JSON {
		return v.streams.JSON(done)
	}
	return v.print(done)
}

// once makes the commit on what the branch is now, and pushes it.
func (v *rollbackOptions) once(ctx context.Context) (rolledBack, error) {
	c, err := clone.Open(ctx, v.settings.Repository, v.settings.Branch)
	if err != nil {
		return rolledBack{}, err
	}
	defer c.Close()
	repository, err := git.New(git.Config{URL: c.Dir(), Branch: v.settings.Branch})
	if err != nil {
		return rolledBack{}, err
	}
	defer repository.Close()
	r, err := engine.Restore(ctx, repository, Kinds(v.settings), Builds(v.settings), v.service, v.to)
	if err != nil {
		return rolledBack{}, err
	}
	done := rolledBack{
		Spec: r.Identity.String(), File: r.File, From: r.From, To: r.To, Branch: v.settings.Branch, Repository: repositoryName(v.settings.Repository),
	}
	if done.Commit, err = c.Commit(ctx, r.Head, r.File, r.After, message(r)); err != nil {
		return done, err
	}
	if done.Patch, err = c.Patch(ctx, done.Commit); err != nil {
		return done, err
	}
	if v.dryRun {
		return done, nil
	}
	if err := c.Push(ctx, done.Commit); err != nil {
		return done, err
	}
	done.Pushed = true
	return done, nil
}

// repositoryName is a URL without credentials.
func repositoryName(url string) string {
	repository, err := git.New(git.Config{URL: url})
	if err != nil {
		return url
	}
	defer repository.Close()
	return repository.String()
}

// message is the commit's.
func message(r engine.Restoring) string {
	var b strings.Builder
	name := r.Identity.Namespace + "/" + r.Identity.Name
	fmt.Fprintf(&b, "Roll %s back to %s\n\n", name, r.To.Alias())
	fmt.Fprintf(&b, "%s is again as commit %.12s described it:\n    %s\n", r.File, r.To.Last.Hash, r.To.Last.Subject)
	if r.From != nil {
		fmt.Fprintf(&b, "Until now it was as of commit %.12s:\n    %s\n", r.From.Last.Hash, r.From.Last.Subject)
	}
	fmt.Fprintf(&b, "\nSluice-Rollback: %s\n", r.To.Name)
	return b.String()
}

func (v *rollbackOptions) print(done rolledBack) error {
	from := "nothing"
	if done.From != nil {
		from = done.From.Alias() + " (" + done.From.Name + ")"
	}
	v.streams.Printf("%s: %s -> %s (%s)\n", done.Spec, from, done.To.Alias(), done.To.Name)
	if !done.Pushed {
		v.streams.Printf("%s\nNot pushed; without --dry-run it would be, to %s of %s.\n", done.Patch, done.Branch, done.Repository)
		return nil
	}
	v.streams.Printf("Pushed %s to %s of %s; `sluice status %s` follows it.\n", shortHash(done.Commit), done.Branch, done.Repository, v.service)
	return nil
}
