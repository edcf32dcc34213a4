package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/cli"
	kubectlcmd "k8s.io/kubectl/pkg/cmd"
)

// newKubectlHelp shows kubectl in the help; Main runs it before cobra sees its
// arguments.
func newKubectlHelp() *cobra.Command {
	return &cobra.Command{
		Use:                "kubectl [--dir DIR] ARGS...",
		Short:              "kubectl, talking to this cluster",
		DisableFlagParsing: true,
	}
}

// kubectl runs the real kubectl against the cluster of a directory.
func kubectl(args []string, s Streams) int {
	dir, args := cutDir(args)
	if !names(args, "--kubeconfig") {
		args = append([]string{"--kubeconfig=" + filepath.Join(dir, "kubeconfig")}, args...)
	}
	// kubectl looks at the process's arguments for plugins and messages.
	os.Args = append([]string{"kubectl"}, args...)
	cmd := kubectlcmd.NewDefaultKubectlCommandWithArgs(kubectlcmd.KubectlOptions{
		PluginHandler: kubectlcmd.NewDefaultPluginHandler([]string{"kubectl"}),
		Arguments:     os.Args,
		ConfigFlags: genericclioptions.NewConfigFlags(true).WithDeprecatedPasswordFlag().
			WithDiscoveryBurst(300).WithDiscoveryQPS(50).WithWarningPrinter(genericiooptions.IOStreams{In: s.In, Out: s.Out, ErrOut: s.Err}),
		IOStreams: genericiooptions.IOStreams{In: s.In, Out: s.Out, ErrOut: s.Err},
	})
	rest.SetDefaultWarningHandler(rest.NewWarningWriter(s.Err, rest.WarningWriterOptions{Deduplicate: true}))
	cmd.SetArgs(args)
	return cli.Run(cmd)
}

// cutDir takes our own flag --dir off the front of kubectl's arguments.
func cutDir(args []string) (dir string, rest []string) {
	switch {
	case len(args) > 1 && args[0] == "--dir":
		return args[1], args[2:]
	case len(args) > 0 && strings.HasPrefix(args[0], "--dir="):
		return strings.TrimPrefix(args[0], "--dir="), args[1:]
	}
	return defaultDir, args
}

// names reports whether a flag is given before a "--".
func names(args []string, flag string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.ContainsFunc(args, func(a string) bool { return a == flag || strings.HasPrefix(a, flag+"=") })
}
