package verb

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
)

// events are what its verbs share.
type events struct {
	*options
	namespace string
}

func newEvents(o *options) *cobra.Command {
	v := &events{options: o}
	c := &cobra.Command{
		Use:   "events",
		Short: "See where events are, send one, deliver some again",
		Long: `See where events are, send one, deliver some again.
Channels and subscriptions are named NAME, in the namespace of -n, or NAMESPACE/NAME.`,
		Example: `  $ sluice events tail orders           # what comes in
  $ sluice events send orders --type order.created --data '{"total": 12}'
  $ sluice events trace 7f3c            # who got it, who did not, and why
  $ sluice events lag                   # how far every subscription is behind
  $ sluice events dead mail             # what could not be delivered
  $ sluice events redrive mail          # deliver that again
  $ sluice events replay mail --since 2h`,
		Args: cli.MaxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVarP(&v.namespace, "namespace", "n", "default", "namespace of names without one")
	c.AddCommand(newEventsTail(v), newEventsSend(v), newEventsTrace(v), newEventsLag(v), newEventsDead(v), newEventsRedrive(v), newEventsReplay(v))
	return c
}

// full is a name with its namespace.
func (v *events) full(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	return v.namespace + "/" + name
}

// ask reads what the dispatcher answers into v.
func (v *events) ask(ctx context.Context, method, path string, query url.Values, body []byte, into any) error {
	r, err := v.open(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("channels: %w", err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("channels: %w", err)
	}
	return nil
}

// open opens what the dispatcher answers.
func (v *events) open(ctx context.Context, method, path string, query url.Values, body []byte) (io.ReadCloser, error) {
	cluster, err := v.parts.Cluster(v.kubeconfig)
	if err != nil {
		return nil, err
	}
	if method == http.MethodGet {
		return cluster.Events(ctx, method, path, query, nil)
	}
	return cluster.Events(ctx, method, path, query, bytes.NewReader(body))
}
