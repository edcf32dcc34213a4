package cli

import (
	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice-local/up"
)

// defaultDir is where a cluster lives unless told otherwise.
const defaultDir = ".sluice"

func newUp(s Streams) *cobra.Command {
	cfg := up.Config{Out: s.Out, Err: s.Err}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the cluster, install the platform and stay until Ctrl-C",
		Long: "Starts a Kubernetes control plane and a node in this process, installs Sluice\n" +
			"into it and deploys a repository. Prints a line that begins with \"ready \" once\n" +
			"services answer. Ctrl-C ends every process it began; the next up resumes.",
		Example: "  $ sluice-local up\n" +
			"  $ sluice-local up --dir /tmp/two --http 127.0.0.1:8081\n" +
			"  $ sluice-local up --repo ~/src/specs.git --branch main\n" +
			"  $ sudo sluice-local up --node kubelet",
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return up.Run(cmd.Context(), cfg) },
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Dir, "dir", defaultDir, "where data, credentials, images and logs are kept")
	f.StringVar(&cfg.Repo, "repo", "", "repository to deploy, a directory or URL (default: a demo made in DIR/demo.git)")
	f.StringVar(&cfg.Branch, "branch", "main", "branch to deploy")
	f.StringVar(&cfg.HTTP, "http", "127.0.0.1:8080", "host:port where services answer")
	f.StringVar(&cfg.Node, "node", up.NodeProcess, "what runs the pods: process (processes of this machine), or kubelet (real containers; needs root)")
	f.BoolVar(&cfg.NoSync, "no-sync", false, "do not wait until what Kubernetes writes is on the disk: everything starts sooner, but after a power cut DIR may be of no use any more")
	f.StringVar(&cfg.Sluice, "sluice", "", "the sluice binary to install (default: the one beside this program)")
	f.BoolVar(&cfg.NoPlatform, "no-platform", false, "start Kubernetes only")
	_ = f.MarkHidden("no-platform") // fails only for a flag that is not there
	return cmd
}
