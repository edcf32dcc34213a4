package report

import (
	"context"
	"fmt"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/cloudevents/sdk-go/v2/client"

	"github.com/sluice-dev/sluice/engine/status"
)

// Sink sends events to an HTTP address as CloudEvents 1.0 in binary mode.
type Sink struct {
	client client.Client
	source string
}

// NewSink makes a sink. The events' source is the repository's name.
func NewSink(url, repository string) (*Sink, error) {
	c, err := cloudevents.NewClientHTTP(cloudevents.WithTarget(url))
	if err != nil {
		return nil, fmt.Errorf("events sink: %w", err)
	}
	return &Sink{client: c, source: "sluice:" + repository}, nil
}

// Send delivers one event, with up to three retries.
func (s *Sink) Send(ctx context.Context, e status.Event) error {
	event, err := s.event(e)
	if err != nil {
		return err
	}
	ctx = cloudevents.ContextWithRetriesExponentialBackoff(ctx, 100*time.Millisecond, 3)
	if result := s.client.Send(ctx, event); !cloudevents.IsACK(result) {
		return fmt.Errorf("events sink: %w", result)
	}
	return nil
}

func (s *Sink) event(e status.Event) (cloudevents.Event, error) {
	event := cloudevents.NewEvent()
	event.SetType(string(e.Type))
	event.SetSource(s.source)
	if !e.Subject.IsZero() {
		event.SetSubject(e.Subject.String())
	}
	if e.Commit != "" {
		event.SetExtension("commit", e.Commit)
	}
	if err := event.SetData(cloudevents.ApplicationJSON, e); err != nil {
		return event, fmt.Errorf("events sink: %s: %w", e.Type, err)
	}
	return event, nil
}
