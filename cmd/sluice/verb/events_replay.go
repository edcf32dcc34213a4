package verb

import (
	"context"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/schema/contract"
)

type eventsReplay struct {
	*events
	since, position string
	format          *cli.Format
}

func newEventsReplay(e *events) *cobra.Command {
	v := &eventsReplay{events: e}
	c := &cobra.Command{
		Use:   "replay SUBSCRIPTION",
		Short: "Deliver to one subscription again what it had since a time or position",
		Long: `Deliver to one subscription again what it had since a time or position, as far back
as the channel keeps events. No other subscription notices.`,
		Example: `  $ sluice events replay mail --since 2h
  $ sluice events replay mail --since 2026-01-31T15:00:00Z
  $ sluice events replay mail --position 1042      # as tail shows it`,
		Args: cli.ExactArgs("SUBSCRIPTION"),
		RunE: func(c *cobra.Command, args []string) error { return v.run(c.Context(), args[0]) },
	}
	c.Flags().StringVar(&v.since, "since", "", "how long ago (2h), a time, or earliest")
	c.Flags().StringVar(&v.position, "position", "", "the first event")
	v.format = cli.AddFormat(c, cli.Text, cli.JSON)
	return c
}

func (v *eventsReplay) run(ctx context.Context, name string) error {
	if (v.since == "") == (v.position == "") {
		return cli.Usagef("events replay wants --since or --position, and not both\nTry: sluice events replay --help")
	}
	query := url.Values{"subscription": {v.full(name)}}
	set(query, "since", v.since)
	set(query, "position", v.position)
	var moved contract.Moved
	if err := v.ask(ctx, http.MethodPost, contract.PathEventsReplay, query, nil, &moved); err != nil {
		return err
	}
	if *v.format == cli.JSON {
		return v.streams.JSON(moved)
	}
	if moved.Events == 1 {
		v.streams.Printf("%s goes on from there: 1 event waits.\n", moved.Subscription)
		return nil
	}
	v.streams.Printf("%s goes on from there: %s events wait.\n", moved.Subscription, count(moved.Events))
	return nil
}
