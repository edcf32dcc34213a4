package verb

import (
	"github.com/sluice-dev/sluice/cmd/sluice/install"
	"github.com/sluice-dev/sluice/engine"
	"github.com/sluice-dev/sluice/engine/build"
	"github.com/sluice-dev/sluice/schema/building"
)

// Builds is what an engine has to know of builds.
func Builds(s install.Settings) engine.Builds {
	return engine.Builds{Ready: building.Ready(), Config: build.Config{
		Image: s.Image, Source: s.Builds.SourceURL(), Registries: s.Builds.RegistryList(),
		Cache: s.Builds.Cache, Defaults: s.Builds.Defaults, Signing: s.Builds.SigningSecret, SourceLimit: s.Builds.SourceBytes(),
	}}
}
