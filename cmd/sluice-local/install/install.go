package install

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/sluice-dev/sluice/cmd/sluice-local/registry"
)

// FieldManager is the owner of the platform's own fields.
const FieldManager = "sluice-install"

// Namespace is where the platform lives, Engine its sync engine, Ingress the
// Service for the world where there is no HTTP.
const (
	Namespace = "sluice-system"
	Engine    = "engine"
	Ingress   = "ingress"
)

// Config of an installation; every field but HTTP is required.
type Config struct {
	// Sluice is the path of the sluice binary.
	Sluice string
	// Images is where its image goes.
	Images *registry.Store
	// Repo and Branch are what the engine deploys.
	Repo, Branch string
	// HTTP is the host:port of the node where the activator serves. Default: it
	// serves behind the Service Ingress.
	HTTP string
	// Builds are the flags of `sluice install` that say how images are built.
	Builds []string
	// Events is the folder for the files of the embedded event bus.
	Events string
	// Admin may do everything in the cluster, and so may Client.
	Admin  *rest.Config
	Client kubernetes.Interface
	// Log gets what was applied.
	Log *slog.Logger
}

// Run installs the platform, or brings it up to date, and returns when it is
// available.
func Run(ctx context.Context, cfg Config) error {
	if err := ownFolder(cfg.Events); err != nil {
		return fmt.Errorf("platform: %w", err)
	}
	image, err := image(cfg.Sluice, cfg.Images)
	if err != nil {
		return fmt.Errorf("platform: %w", err)
	}
	objects, err := manifests(ctx, cfg, image)
	if err != nil {
		return fmt.Errorf("platform: %w", err)
	}
	if err := apply(ctx, cfg, objects); err != nil {
		return fmt.Errorf("platform: %w", err)
	}
	if err := waitAvailable(ctx, cfg.Client, objects); err != nil {
		return fmt.Errorf("platform: %w", err)
	}
	return nil
}

// platformUser is who the platform's pods run as, where that can be chosen.
const platformUser = 65532

// ownFolder makes a folder that the platform's pods may write.
func ownFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return nil // pods are this user's processes
	}
	return os.Chown(path, platformUser, platformUser)
}
