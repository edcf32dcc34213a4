package cli

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes; scripts rely on them.
const (
	Fine    = 0
	Failed  = 1
	Usage   = 2
	Pending = 3
	Invalid = 4
)

// Exit is an error that has its own exit code. With a nil Err nothing more is
// printed: the verb has said it all.
type Exit struct {
	Code int
	Err  error
}

// Error is the wrapped error's text.
func (e *Exit) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap gives the wrapped error.
func (e *Exit) Unwrap() error { return e.Err }

// Usagef is a mistake in how a verb was called.
func Usagef(format string, args ...any) error {
	return &Exit{Code: Usage, Err: fmt.Errorf(format, args...)}
}

// Main runs the command line until it is done or interrupted, prints its
// error, and gives the exit code.
func Main(s Streams, root *cobra.Command) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return Run(ctx, s, root)
}

// Run is Main under a context of the caller's.
func Run(ctx context.Context, s Streams, root *cobra.Command) int {
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return Usagef("%w\nTry: %s --help", err, c.CommandPath())
	})
	err := root.ExecuteContext(ctx)
	return code(s, err)
}

// code is the one place where an error becomes an exit code.
func code(s Streams, err error) int {
	if err == nil {
		return Fine
	}
	var exit *Exit
	if errors.As(err, &exit) {
		if exit.Err != nil {
			fmt.Fprintln(s.Err, "sluice:", exit.Err)
		}
		return exit.Code
	}
	fmt.Fprintln(s.Err, "sluice:", err)
	return Failed
}

// MaxArgs refuses further arguments as a usage error.
func MaxArgs(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > n {
			return Usagef("%s takes at most %d argument(s), got %d\nTry: %s --help", c.CommandPath(), n, len(args), c.CommandPath())
		}
		return nil
	}
}

// ExactArgs wants as many arguments as names.
func ExactArgs(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return Usagef("%s wants %v\nTry: %s --help", c.CommandPath(), names, c.CommandPath())
		}
		return nil
	}
}
