package up

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sluice-dev/sluice/cmd/sluice-local/goimage"
	"github.com/sluice-dev/sluice/cmd/sluice-local/registry"
)

// Images that builds in the cluster run in. They are made of what is installed
// on this machine, when the first build asks for them.
const (
	goBuilder      = registry.Host + "/sluice/go-builder"
	buildahBuilder = registry.Host + "/sluice/buildah"
)

// makeImage makes a builder that is pulled for the first time.
func (s *session) makeImage(ctx context.Context, name string) (made bool, err error) {
	switch name {
	case s.goBuilder():
		s.say("making %s of this machine's Go toolchain", name)
		return true, s.toolchain.Put(name, s.images)
	case buildahBuilder + ":latest":
		s.say("making %s of this machine's buildah", name)
		return true, goimage.PutBuildah(ctx, name, s.images)
	}
	return false, nil
}

// goBuilder is the image of this machine's toolchain; empty if there is none.
func (s *session) goBuilder() string {
	if s.toolchain.Version == "" {
		return ""
	}
	return goBuilder + ":" + s.toolchain.Version
}

// findToolchain looks for Go. Without it the `go` template needs an image from
// elsewhere, and everything else works.
func (s *session) findToolchain(ctx context.Context) {
	toolchain, err := goimage.FindToolchain(ctx)
	if err != nil {
		s.log.Info("no Go toolchain for builds", "error", err)
		return
	}
	s.toolchain = toolchain
}

// buildFlags say to `sluice install` how builds work on this machine. Where pods
// are processes they share its network, and have neither cluster DNS nor
// addresses of Services.
func (s *session) buildFlags() ([]string, error) {
	cache := filepath.Join(s.Dir, "build-cache")
	if err := os.MkdirAll(cache, 0o777); err != nil {
		return nil, fmt.Errorf("cache of builds: %w", err)
	}
	if err := os.Chmod(cache, 0o777); err != nil { // whoever a step runs as
		return nil, fmt.Errorf("cache of builds: %w", err)
	}
	flags := []string{
		"--build-cache", cache, "--build-secrets",
		"--registry", registry.Host + "=http://" + s.registryListeners()[0].Addr().String(),
		"--build-default", "dockerfile.BUILDER_IMAGE=" + buildahBuilder,
	}
	if s.machine == nil {
		flags = append(flags, "--source-listen", s.claim.Block.Sources().String())
	}
	if s.goBuilder() != "" {
		flags = append(flags, "--build-default", "go.BUILDER_IMAGE="+s.goBuilder())
	}
	return flags, nil
}
