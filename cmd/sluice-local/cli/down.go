package cli

import (
	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice-local/up"
)

func newDown(s Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "End the containers that a killed cluster left",
		Long: "A cluster with real containers (up --node kubelet) that is killed leaves them\n" +
			"running. The next up in the same folder goes on with them; down ends them and\n" +
			"leaves the machine as it was. The folder of the cluster stays as it is. A cluster\n" +
			"that runs is ended by Ctrl-C, or SIGTERM, where it runs.",
		Example: "  $ sudo sluice-local down",
		Args:    exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return up.Down(cmd.Context(), up.Config{Out: s.Out, Err: s.Err})
		},
	}
}
