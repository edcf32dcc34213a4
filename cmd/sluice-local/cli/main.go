package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitFine   = 0
	exitFailed = 1
	exitUsage  = 2
)

// Streams are the process's three.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// usageError is an error that the user corrects by typing something else.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Main runs sluice-local and returns its exit code. The first SIGINT or SIGTERM
// ends the verb in an orderly way, the second ends the process.
func Main(args []string, s Streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from now on a signal does what it does to any process
	if len(args) > 0 && args[0] == "kubectl" {
		return kubectl(args[1:], s)
	}
	root := newRoot(s)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitFine
	}
	fmt.Fprintln(s.Err, "sluice-local:", err)
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

func newRoot(s Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "sluice-local",
		Short: "Sluice and a real Kubernetes API on one machine",
		Example: "  $ sluice-local up\n" +
			"  $ sluice-local image build ./app --tag hello:v2\n" +
			"  $ sluice-local kubectl get pods -A",
		SilenceUsage: true, SilenceErrors: true,
		Args: cobra.NoArgs,
	}
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see: %s --help", err, cmd.CommandPath())}
	})
	root.AddCommand(newUp(s), newDown(s), newImage(s), newKubectlHelp())
	return root
}

// exactArgs is cobra.ExactArgs with an error that counts as usage.
func exactArgs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return usageError{fmt.Errorf("%s: wants %s; see: %s --help", cmd.CommandPath(), what, cmd.CommandPath())}
	}
}
