package verb

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/schema/contract"
)

type eventsTrace struct {
	*events
	source string
	format *cli.Format
}

func newEventsTrace(e *events) *cobra.Command {
	v := &eventsTrace{events: e}
	c := &cobra.Command{
		Use:   "trace ID",
		Short: "Show where an event is: who got it, who did not, and why",
		Example: `  $ sluice events trace 7f3c
  $ sluice events trace 7f3c --source /shop -o json`,
		Args: cli.ExactArgs("ID"),
		RunE: func(c *cobra.Command, args []string) error { return v.run(c.Context(), args[0]) },
	}
	c.Flags().StringVar(&v.source, "source", "", "the event's source, where several have the id")
	v.format = cli.AddFormat(c, cli.Text, cli.JSON)
	return c
}

func (v *eventsTrace) run(ctx context.Context, id string) error {
	query := url.Values{"id": {id}}
	set(query, "source", v.source)
	var trails []contract.Trail
	if err := v.ask(ctx, http.MethodGet, contract.PathEventsTrace, query, nil, &trails); err != nil {
		return err
	}
	if *v.format == cli.JSON {
		return v.streams.JSON(trails)
	}
	if len(trails) == 0 {
		return fmt.Errorf("no channel has an event %s: it was not accepted, or is older than what channels keep; `sluice events tail CHANNEL --since 1h --once` lists some", id)
	}
	for _, t := range trails {
		v.streams.Printf("%s  %s  %s\n  accepted by %s at %s", t.ID, t.Type, t.Source, t.Channel, clock(t.Accepted))
		if t.Position != "" {
			v.streams.Printf(", position %s", t.Position)
		}
		v.streams.Printf("\n")
		v.stops(t)
	}
	return nil
}

func (v *eventsTrace) stops(t contract.Trail) {
	if len(t.Stops) == 0 {
		v.streams.Printf("  %s has no subscription\n", t.Channel)
	}
	for _, s := range t.Stops {
		v.streams.Printf("  %s: %s", s.Subscription, v.streams.Paint(outcomeColour(s.Outcome), s.Outcome))
		if s.Attempts > 1 {
			v.streams.Printf(" after %d attempts", s.Attempts)
		}
		if !s.Time.IsZero() {
			v.streams.Printf(" at %s", clock(s.Time))
		}
		if s.Status != 0 {
			v.streams.Printf(", answer %s", strconv.Itoa(s.Status))
		}
		if s.Text != "" {
			v.streams.Printf("\n    %s", s.Text)
		}
		v.streams.Printf("\n")
	}
}

func outcomeColour(outcome string) string {
	switch outcome {
	case contract.OutcomeDelivered:
		return cli.Green
	case contract.OutcomeDead:
		return cli.Red
	case contract.OutcomeRetrying, contract.OutcomePending:
		return cli.Yellow
	}
	return cli.Dim
}
