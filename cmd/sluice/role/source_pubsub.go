package role

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/sluice-dev/sluice/runtime/source"
	"github.com/sluice-dev/sluice/runtime/source/pubsub"
	"github.com/sluice-dev/sluice/schema/contract"
)

func pubsubSource(_ *sourceOptions, spec contract.Source, sink *source.Sink, log *slog.Logger) (runner, error) {
	cfg := pubsub.Config{Source: spec, Credentials: os.Getenv(contract.EnvGoogleCredentials), Sink: sink, Log: log}
	if _, err := pubsub.New(cfg); err != nil {
		return nil, ofSecret(spec, cfg.Credentials, err)
	}
	return func(ctx context.Context, ready func()) error {
		cfg.Ready = ready
		s, err := pubsub.New(cfg)
		if err != nil {
			return err
		}
		return s.Run(ctx)
	}, nil
}

// ofSecret names the field of a credential that is wrong.
func ofSecret(spec contract.Source, credentials string, err error) error {
	if field := contract.FieldOfSecret(spec.Kind); field != "" && credentials != "" {
		return fmt.Errorf("%s: %w", field, err)
	}
	return err
}

// subscriptionRemover removes what a pubsub source made at Google.
func subscriptionRemover(spec contract.Source, log *slog.Logger) (func(context.Context) error, error) {
	s, err := pubsub.New(pubsub.Config{Source: spec, Credentials: os.Getenv(contract.EnvGoogleCredentials), Log: log})
	if err != nil {
		return nil, err
	}
	return s.Remove, nil
}
