package verb

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/schema/contract"
)

type eventsLag struct {
	*events
	format *cli.Format
}

func newEventsLag(e *events) *cobra.Command {
	v := &eventsLag{events: e}
	c := &cobra.Command{
		Use:   "lag",
		Short: "Show how far every subscription is behind",
		Long: `Show how far every subscription is behind. WAITING is how many events it has yet to
be done with, OLDEST how long the first of them has waited, DEAD how many are kept that
could not be delivered. Without -n it shows all namespaces.`,
		Example: `  $ sluice events lag
  $ sluice events lag -n shop -o json | jq '.[] | select(.pending > 100)'`,
		Args: cli.MaxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return v.run(c.Context(), c.Flags().Changed("namespace"))
		},
	}
	v.format = cli.AddFormat(c, cli.Text, cli.JSON)
	return c
}

func (v *eventsLag) run(ctx context.Context, one bool) error {
	query := url.Values{}
	if one {
		query.Set("namespace", v.namespace)
	}
	var lags []contract.Lag
	if err := v.ask(ctx, http.MethodGet, contract.PathEventsLag, query, nil, &lags); err != nil {
		return err
	}
	if *v.format == cli.JSON {
		return v.streams.JSON(lags)
	}
	if len(lags) == 0 {
		v.streams.Printf("There is no subscription.\n")
		return nil
	}
	t := cli.NewTable(v.streams.Out, "SUBSCRIPTION", "CHANNEL", "STATE", "WAITING", "OLDEST", "IN FLIGHT", "DELIVERED", "RETRIES", "DEAD", "WHY")
	for _, l := range lags {
		t.Row(l.Subscription, l.Channel, l.State, count(l.Pending), age(l.Oldest), strconv.FormatInt(l.InFlight, 10),
			strconv.FormatInt(l.Delivered, 10), strconv.FormatInt(l.Retries, 10), count(l.Dead), why(l))
	}
	return t.Flush()
}

// count is a number; the bus does not tell one below 0.
func count(n int64) string {
	if n < 0 {
		return "?"
	}
	return strconv.FormatInt(n, 10)
}

func age(d contract.Duration) string {
	if d == 0 {
		return "-"
	}
	return time.Duration(d).Round(100 * time.Millisecond).String()
}

func why(l contract.Lag) string {
	if l.Text != "" {
		return l.Text
	}
	return l.LastError
}
