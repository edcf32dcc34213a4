package catalog

import (
	"context"
	"log/slog"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/pubsub"
)

var pubsubDriver = Driver{
	Summary:  "Google Cloud Pub/Sub; a channel is a topic, a subscription a pull subscription; no replay",
	Promises: pubsub.Promises,
	Settings: []Parameter{
		required("project", "the id of the Google Cloud project"),
		secret("credentials", "the JSON of a service account's key; the machine's own identity where it is not given"),
		optional("endpoint", "a region's REGION-pubsub.googleapis.com:443, or host:port of an emulator"),
	},
	open: func(ctx context.Context, s *settings, log *slog.Logger) (bus.Driver, bus.Promises, error) {
		b, err := pubsub.Open(ctx, pubsub.Config{
			Project: s.text("project"), Credentials: s.text("credentials"), Endpoint: s.text("endpoint"), Log: log,
		})
		if err != nil {
			return nil, bus.Promises{}, err
		}
		return b, pubsub.Promises, nil
	},
}
