package verb

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/schema/contract"
)

type eventsDead struct {
	*events
	limit  int
	format *cli.Format
}

func newEventsDead(e *events) *cobra.Command {
	v := &eventsDead{events: e}
	c := &cobra.Command{
		Use:   "dead SUBSCRIPTION",
		Short: "Show the events that could not be delivered and are kept",
		Example: `  $ sluice events dead mail
  $ sluice events dead mail -o json | jq '.[].event'`,
		Args: cli.ExactArgs("SUBSCRIPTION"),
		RunE: func(c *cobra.Command, args []string) error { return v.run(c.Context(), args[0]) },
	}
	c.Flags().IntVar(&v.limit, "limit", 100, "show so many at most, the oldest first")
	v.format = cli.AddFormat(c, cli.Text, cli.JSON)
	return c
}

func (v *eventsDead) run(ctx context.Context, name string) error {
	query := url.Values{"subscription": {v.full(name)}, "limit": {strconv.Itoa(v.limit)}}
	var dead []contract.DeadEvent
	if err := v.ask(ctx, http.MethodGet, contract.PathEventsDead, query, nil, &dead); err != nil {
		return err
	}
	if *v.format == cli.JSON {
		return v.streams.JSON(dead)
	}
	for _, d := range dead {
		v.streams.Printf("%s  %s\n    %s\n", v.streams.Paint(cli.Dim, clock(d.Stored)), summary(d.Event), d.Text)
	}
	if len(dead) == 0 {
		v.streams.Printf("%s keeps no dead event.\n", v.full(name))
		return nil
	}
	v.streams.Printf("`sluice events redrive %s` delivers them again.\n", v.full(name))
	return nil
}

type eventsRedrive struct {
	*events
	id     string
	format *cli.Format
}

func newEventsRedrive(e *events) *cobra.Command {
	v := &eventsRedrive{events: e}
	c := &cobra.Command{
		Use:   "redrive SUBSCRIPTION",
		Short: "Deliver dead events again, to the one subscription that could not have them",
		Example: `  $ sluice events redrive mail
  $ sluice events redrive mail --id 7f3c`,
		Args: cli.ExactArgs("SUBSCRIPTION"),
		RunE: func(c *cobra.Command, args []string) error { return v.run(c.Context(), args[0]) },
	}
	c.Flags().StringVar(&v.id, "id", "", "only the event with this id")
	v.format = cli.AddFormat(c, cli.Text, cli.JSON)
	return c
}

func (v *eventsRedrive) run(ctx context.Context, name string) error {
	query := url.Values{"subscription": {v.full(name)}}
	set(query, "id", v.id)
	var moved contract.Moved
	if err := v.ask(ctx, http.MethodPost, contract.PathEventsRedrive, query, nil, &moved); err != nil {
		return err
	}
	if *v.format == cli.JSON {
		return v.streams.JSON(moved)
	}
	if moved.Events == 1 {
		v.streams.Printf("%s: 1 dead event is on its way again.\n", moved.Subscription)
		return nil
	}
	v.streams.Printf("%s: %s dead events are on their way again.\n", moved.Subscription, count(moved.Events))
	return nil
}
