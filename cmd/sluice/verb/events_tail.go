package verb

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

type eventsTail struct {
	*events
	since, position string
	limit           int
	once            bool
	format          *cli.Format
}

func newEventsTail(e *events) *cobra.Command {
	v := &eventsTail{events: e}
	c := &cobra.Command{
		Use:   "tail CHANNEL",
		Short: "Show the events of a channel as they come in",
		Example: `  $ sluice events tail orders
  $ sluice events tail orders --since 1h --once      # what there was, then end
  $ sluice events tail orders -o json | jq .event.data`,
		Args: cli.ExactArgs("CHANNEL"),
		RunE: func(c *cobra.Command, args []string) error { return v.run(c.Context(), args[0]) },
	}
	f := c.Flags()
	f.StringVar(&v.since, "since", "", "begin in the past: how long ago (2h), or a time")
	f.StringVar(&v.position, "position", "", "begin at a position, as tail shows it")
	f.IntVar(&v.limit, "limit", 0, "end after so many")
	f.BoolVar(&v.once, "once", false, "end with what there is now")
	v.format = cli.AddFormat(c, cli.Text, cli.JSON)
	return c
}

func (v *eventsTail) run(ctx context.Context, channel string) error {
	query := url.Values{"channel": {v.full(channel)}}
	set(query, "since", v.since)
	set(query, "position", v.position)
	if v.limit > 0 {
		query.Set("limit", strconv.Itoa(v.limit))
	}
	if v.once {
		query.Set("follow", "false")
	}
	r, err := v.open(ctx, http.MethodGet, contract.PathEventsTail, query, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	seen, last := 0, ""
	for lines.Scan() {
		seen, last = seen+1, position(lines.Bytes())
		if *v.format == cli.JSON {
			v.streams.Printf("%s\n", lines.Bytes())
			continue
		}
		if err := v.line(lines.Bytes()); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil // the user has seen enough
	}
	if lines.Err() == nil && (v.once || v.limit > 0 && seen >= v.limit) {
		return nil
	}
	return brokenOff(lines.Err(), last)
}

// brokenOff says how to go on where the dispatcher has ended what it was to
// follow: it is replaced, or was killed.
func brokenOff(err error, last string) error {
	again := "run it again"
	if last != "" {
		again += " with --position " + last
	}
	if err == nil {
		err = io.EOF
	}
	return fmt.Errorf("channels: the dispatcher broke off, %s: %w", again, err)
}

// position is where a stored event is.
func position(line []byte) string {
	var stored struct {
		Position string `json:"position"`
	}
	_ = json.Unmarshal(line, &stored) // "" where it says nothing
	return stored.Position
}

// line prints one event.
func (v *eventsTail) line(b []byte) error {
	var stored contract.StoredEvent
	if err := json.Unmarshal(b, &stored); err != nil {
		return fmt.Errorf("channels: %w", err)
	}
	v.streams.Printf("%s  %s\n", v.streams.Paint(cli.Dim, clock(stored.Stored)+"  "+stored.Position), summary(stored.Event))
	return nil
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("15:04:05.000")
}

// maxShown bounds what is shown of a payload.
const maxShown = 120

// summary is an event on one line.
func summary(raw []byte) string {
	var e cloudevents.Event
	if err := e.ReadJSON(raw); err != nil {
		return string(raw)
	}
	s := e.Type + "  " + e.Source + "  " + e.ID
	if e.Subject != "" {
		s += "  " + e.Subject
	}
	if len(e.Data) == 0 {
		return s
	}
	data := strconv.QuoteToGraphic(string(e.Data))
	if json.Valid(e.Data) {
		data = string(e.Data)
	}
	if len(data) > maxShown {
		data = data[:maxShown] + "..."
	}
	return s + "  " + data
}

// set sets what was given.
func set(query url.Values, key, value string) {
	if value != "" {
		query.Set(key, value)
	}
}
