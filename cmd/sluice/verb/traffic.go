package verb

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/engine"
	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/history"
	"github.com/sluice-dev/sluice/engine/status"
)

// gitPatience bounds the look at the repository, which only adds names and
// dates.
const gitPatience = 10 * time.Second

type trafficOptions struct {
	*options
	format  *cli.Format
	service string
}

func newTraffic(o *options) *cobra.Command {
	v := &trafficOptions{options: o}
	c := &cobra.Command{
		Use:   "traffic SERVICE",
		Short: "Show which revision gets what share of the requests, and since which commit",
		Example: `  $ sluice traffic helloworld-go
  $ sluice traffic shop/cart -o json | jq '.[].shares[] | select(.percent > 0)'`,
		Args: cli.ExactArgs("SERVICE"),
		RunE: func(c *cobra.Command, args []string) error {
			v.service = args[0]
			return v.run(c.Context())
		},
	}
	v.format = cli.AddFormat(c, cli.Text, cli.JSON)
	return c
}

// routed is the JSON form of one route's traffic.
type routed struct {
	Spec   string        `json:"spec"`
	URL    string        `json:"url,omitempty"`
	Shares []routedShare `json:"shares"`
}

// routedShare is a share, and who brought it about, as far as the repository
// can be read from here.
type routedShare struct {
	status.Share
	Since history.Commit `json:"since,omitzero"`
}

func (v *trafficOptions) run(ctx context.Context) error {
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
	out := []routed{}
	commits := v.commits(ctx, cluster)
	for _, spec := range specs {
		r := routed{Spec: spec.Identity.String(), URL: spec.URL}
		for _, share := range spec.Traffic {
			r.Shares = append(r.Shares, routedShare{share, commits(share.Commit)})
		}
		if len(r.Shares) > 0 {
			out = append(out, r)
		}
	}
	if len(out) == 0 {
		return fmt.Errorf("%s has no traffic yet; `sluice status %s` says what it waits for", v.service, v.service)
	}
	if *v.format == cli.JSON {
		return v.streams.JSON(out)
	}
	return v.print(out)
}

// commits looks commits up in the repository. Where that cannot be read from
// here, nothing but their hashes is known.
func (v *trafficOptions) commits(ctx context.Context, cluster Cluster) func(hash string) history.Commit {
	none := func(hash string) history.Commit { return history.Commit{Hash: hash} }
	settings, err := cluster.Settings(ctx)
	if err != nil {
		return none
	}
	opened, err := v.repository("", settings)
	if err != nil {
		return none
	}
	repository, ok := opened.(*git.Repository)
	if !ok {
		return none
	}
	deadline := time.Now().Add(gitPatience)
	return func(hash string) history.Commit {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		s, err := repository.Resolve(ctx, hash)
		if hash == "" || err != nil {
			return none(hash)
		}
		return history.Commit{Hash: hash, Author: s.Commit.AuthorName, When: s.Commit.When, Subject: engine.Subject(s.Commit.Message)}
	}
}

func (v *trafficOptions) print(routes []routed) error {
	for _, r := range routes {
		v.streams.Printf("%s  %s\n", r.Spec, r.URL)
		t := cli.NewTable(v.streams.Out, "  SHARE", "REVISION", "TAG", "SINCE", "COMMIT", "AUTHOR", "SUBJECT", "URL")
		for _, s := range r.Shares {
			name, when := s.Revision, ""
			if s.Latest {
				name += " (latest)"
			}
			if !s.Since.When.IsZero() {
				when = s.Since.When.Local().Format(time.DateTime)
			}
			t.Row(fmt.Sprintf("  %d%%", s.Percent), name, or(s.Tag), or(when), shortHash(s.Commit), or(s.Since.Author), or(s.Since.Subject), or(s.URL))
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// or is a cell's text; a dash for none.
func or(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
