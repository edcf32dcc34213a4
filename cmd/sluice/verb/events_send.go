package verb

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

type eventsSend struct {
	*events
	event       cloudevents.Event
	data, file  string
	contentType string
	attributes  []string
	format      *cli.Format
}

func newEventsSend(e *events) *cobra.Command {
	v := &eventsSend{events: e}
	c := &cobra.Command{
		Use:   "send CHANNEL",
		Short: "Send one event to a channel",
		Example: `  $ sluice events send orders --type order.created --data '{"total": 12}'
  $ sluice events send orders --type order.created --attribute partitionkey=c7 --data-file order.json
  $ sluice events trace $(sluice events send orders --type test -o json | jq -r .id)`,
		Args: cli.ExactArgs("CHANNEL"),
		RunE: func(c *cobra.Command, args []string) error { return v.run(c.Context(), args[0]) },
	}
	f := c.Flags()
	f.StringVar(&v.event.Type, "type", "dev.sluice.test", "the event's type")
	f.StringVar(&v.event.Source, "source", "/sluice/events/send", "its source")
	f.StringVar(&v.event.ID, "id", "", "its id (default: a random one)")
	f.StringVar(&v.event.Subject, "subject", "", "its subject")
	f.StringArrayVar(&v.attributes, "attribute", nil, "another attribute, as NAME=VALUE; may be repeated")
	f.StringVar(&v.data, "data", "", "its payload")
	f.StringVar(&v.file, "data-file", "", "file with its payload; - is the standard input")
	f.StringVar(&v.contentType, "content-type", "", "what the payload is (default: application/json if it is JSON, text/plain if it is text)")
	v.format = cli.AddFormat(c, cli.Text, cli.JSON)
	return c
}

func (v *eventsSend) run(ctx context.Context, channel string) error {
	if err := v.complete(); err != nil {
		return &cli.Exit{Code: cli.Usage, Err: fmt.Errorf("events send: %w", err)}
	}
	var sent contract.Sent
	err := v.ask(ctx, http.MethodPost, contract.PathEventsSend, url.Values{"channel": {v.full(channel)}}, v.event.AppendJSON(nil), &sent)
	if err != nil {
		return err
	}
	if *v.format == cli.JSON {
		return v.streams.JSON(sent)
	}
	v.streams.Printf("%s has event %s. `sluice events trace %s` says what becomes of it.\n", sent.Channel, sent.ID, sent.ID)
	return nil
}

// complete fills in what was left out.
func (v *eventsSend) complete() error {
	e := &v.event
	if e.ID == "" {
		e.ID = strings.ToLower(rand.Text())
	}
	e.Time = time.Now().UTC().Format(time.RFC3339Nano)
	for _, a := range v.attributes {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			return fmt.Errorf("--attribute %q: write it as NAME=VALUE", a)
		}
		if err := e.Set(name, value); err != nil {
			return err
		}
	}
	data, err := v.payload()
	if err != nil {
		return err
	}
	if len(data) > 0 {
		e.SetData(cmp.Or(v.contentType, contentType(data)), data)
	}
	return e.Validate()
}

// contentType is what a payload looks like.
func contentType(data []byte) string {
	switch {
	case json.Valid(data):
		return "application/json"
	case utf8.Valid(data):
		return "text/plain"
	}
	return "application/octet-stream"
}

func (v *eventsSend) payload() ([]byte, error) {
	switch {
	case v.file != "" && v.data != "":
		return nil, fmt.Errorf("--data and --data-file are both given; one is right")
	case v.file == "-":
		return io.ReadAll(v.streams.In)
	case v.file != "":
		return os.ReadFile(v.file)
	}
	return []byte(v.data), nil
}
