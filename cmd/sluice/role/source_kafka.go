package role

import (
	"context"
	"log/slog"
	"os"

	"github.com/sluice-dev/sluice/runtime/source"
	"github.com/sluice-dev/sluice/runtime/source/kafka"
	"github.com/sluice-dev/sluice/schema/contract"
)

func kafkaSource(_ *sourceOptions, spec contract.Source, sink *source.Sink, log *slog.Logger) (runner, error) {
	cfg := kafka.Config{Source: spec, Sink: sink, Log: log, Secrets: kafka.Secrets{
		User: os.Getenv(contract.EnvKafkaUser), Password: os.Getenv(contract.EnvKafkaPassword), Mechanism: os.Getenv(contract.EnvKafkaSASL),
		CA: os.Getenv(contract.EnvKafkaCA), Cert: os.Getenv(contract.EnvKafkaCert), Key: os.Getenv(contract.EnvKafkaKey),
	}}
	if _, err := kafka.New(cfg); err != nil {
		return nil, err
	}
	return func(ctx context.Context, ready func()) error {
		cfg.Ready = ready
		s, err := kafka.New(cfg)
		if err != nil {
			return err
		}
		return s.Run(ctx)
	}, nil
}
