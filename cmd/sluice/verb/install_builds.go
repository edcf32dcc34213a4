package verb

import (
	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice/install"
)

// addBuildFlags adds what an installation says of builds.
func addBuildFlags(c *cobra.Command, b *install.Builds) {
	f := c.Flags()
	f.StringVar(&b.Listen, "source-listen", "", "address of its node where the engine serves sources to builds, if not through its Service")
	f.StringToStringVar(&b.Registries, "registry", nil, "where a registry answers builds, if not under its name, as NAME=http://HOST:PORT")
	f.StringVar(&b.Cache, "build-cache", "", "folder of the nodes where builds keep their caches, each namespace its own")
	f.StringToStringVar(&b.Defaults, "build-default", nil, "default of a ready ClusterBuildTemplate, as go.BUILDER_IMAGE=IMAGE")
	f.StringVar(&b.SourceLimit, "build-source-limit", "", "size from which on the files of a build's source are too large, as 500M (default 2G)")
	f.StringVar(&b.SigningSecret, "build-signing-secret", "", "Secret of each build's namespace with cosign.key, which signs the images; without it none are signed")
	f.BoolVar(&b.Secrets, "build-secrets", false, "let the engine see, in every namespace, what the Secrets of a build's ServiceAccount are for")
}
