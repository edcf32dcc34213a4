package build

import (
	"cmp"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Config is what an installation decides of builds.
type Config struct {
	// Image is the sluice image, for the platform's own steps.
	Image string
	// Source is the URL under which the engine serves this repository's trees.
	Source string
	// Registries maps registry names to where they answer; see
	// contract.EnvRegistries.
	Registries string
	// Cache is a folder of every node, for what stays from build to build.
	// Empty: nothing stays.
	Cache string
	// Defaults are those of the templates that are ready, by
	// `TEMPLATE.PARAMETER`.
	Defaults map[string]string
	// SourceLimit is the size in bytes from which on the files of a source are too
	// large. Default [contract.SourceLimit].
	SourceLimit int64
	// Signing names the Secret of the build's namespace whose key signs images.
	// Empty: none are signed.
	Signing string
	// Repository is where the sources are from, as people may see it.
	Repository string
	// ApplySet is the id in every object's part-of label.
	ApplySet string
}

// Limit is SourceLimit, or its default.
func (c Config) Limit() int64 { return cmp.Or(c.SourceLimit, contract.SourceLimit) }
