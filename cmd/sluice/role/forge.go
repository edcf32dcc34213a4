package role

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/sluice-dev/sluice/appliers/forge"
	"github.com/sluice-dev/sluice/cmd/sluice/install"
	"github.com/sluice-dev/sluice/engine/status"
)

// runReporter is a Reporter that works in the background.
type runReporter interface {
	Report(prev, next status.Report)
	Run(ctx context.Context) error
}

// reporters hands every report to each.
type reporters []runReporter

// Report does not block.
func (all reporters) Report(prev, next status.Report) {
	for _, r := range all {
		r.Report(prev, next)
	}
}

// silent reports to nobody.
type silent struct{}

func (silent) Report(_, _ status.Report) {}

func (silent) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// commitStatuses reports to the forge, if the installation has a token for it.
func commitStatuses(s install.Settings, repository string, log *slog.Logger) (runReporter, error) {
	if s.ForgeSecret == "" {
		return silent{}, nil
	}
	place, err := forge.PlaceOf(repository, forge.Kind(s.Forge), s.ForgeAPI)
	if err != nil {
		return silent{}, err
	}
	r, err := forge.New(forge.Config{Place: place, Token: forgeToken, Log: log})
	if err != nil {
		return silent{}, err
	}
	return r, nil
}

// forgeToken reads the mounted token.
func forgeToken() (string, error) {
	b, err := os.ReadFile(filepath.Join(install.ForgeSecretDir, "token"))
	if err != nil {
		return "", fmt.Errorf("forge: the Secret of --forge-secret: %w", err)
	}
	return string(b), nil
}
