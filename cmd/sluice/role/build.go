package role

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/runtime/build/compile"
	"github.com/sluice-dev/sluice/runtime/build/creds"
	bringing "github.com/sluice-dev/sluice/runtime/build/fetch"
	"github.com/sluice-dev/sluice/runtime/build/publish"
	"github.com/sluice-dev/sluice/runtime/build/registries"
	"github.com/sluice-dev/sluice/runtime/build/sign"
	"github.com/sluice-dev/sluice/schema/contract"
)

// terminationLog is where Kubernetes takes a container's last word from.
const terminationLog = "/dev/termination-log"

// newBuild is the platform's own steps of a build. Nobody types them.
func newBuild(s cli.Streams) *cobra.Command {
	c := &cobra.Command{
		Use:    "build",
		Short:  "A step of a build; the platform runs these in a build's pod",
		Hidden: true,
		Args:   cli.MaxArgs(0),
		RunE:   func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRun: func(*cobra.Command, []string) {
			unix.Umask(0) // steps run as different users and write to the same folders
		},
	}
	c.AddCommand(newCreds(s), newGit(s), newGo(s), newPush(s))
	return c
}

// say prints what goes on to the step's log.
func say(s cli.Streams) func(string, ...any) {
	return func(format string, args ...any) { fmt.Fprintf(s.Err, format+"\n", args...) }
}

// again gives an error the exit code that has the step tried again later, if
// something was away.
func again(err error, away func(error) bool) error {
	if err == nil || !away(err) {
		return err
	}
	return &cli.Exit{Code: contract.ExitAgain, Err: err}
}

func newCreds(s cli.Streams) *cobra.Command {
	step := creds.Step{Secrets: contract.DirSecrets, Home: contract.DirHome, Registries: os.Getenv(contract.EnvRegistries)}
	c := &cobra.Command{
		Use: "creds", Short: "Write what git, docker and buildah read of credentials", Args: cli.MaxArgs(0),
		RunE: func(*cobra.Command, []string) (err error) {
			if step.Self, err = os.Executable(); err != nil {
				return err
			}
			return step.Run()
		},
	}
	f := c.Flags()
	f.StringArrayVar(&step.GitBasic, "git-basic", nil, "SECRET=URL with user name and password for git")
	f.StringArrayVar(&step.GitSSH, "git-ssh", nil, "SECRET=HOST with a key for git")
	f.StringArrayVar(&step.DockerBasic, "docker-basic", nil, "SECRET=URL with user name and password for a registry")
	f.StringArrayVar(&step.DockerConfigs, "docker-config", nil, "SECRET that is a docker config")
	f.StringVar(&step.Tools, "tools", "", "folder that gets a copy of this program")
	return c
}

func newGit(s cli.Streams) *cobra.Command {
	tree := bringing.Tree{TokenFile: contract.DirToken + "/token", Say: say(s)}
	git := bringing.Git{Home: contract.DirHome, Say: say(s)}
	c := &cobra.Command{
		Use: "git", Short: "Bring the source", Args: cli.MaxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if tree.Hash != "" {
				tree.Target, tree.Limit = git.Target, git.Limit
				return again(tree.Run(c.Context()), bringing.Away)
			}
			return again(git.Run(c.Context()), bringing.Away)
		},
	}
	f := c.Flags()
	f.StringVar(&tree.Hash, "tree", "", "a tree of the platform's own repository")
	f.StringVar(&tree.From, "from", "", "URL of the engine that serves it")
	f.StringVar(&git.URL, "url", "", "any other repository")
	f.StringVar(&git.Revision, "revision", "", "its branch, tag or commit")
	f.StringVar(&git.SubPath, "sub-path", "", "the only folder of it")
	f.StringVar(&git.Target, "target", contract.DirWorkspace, "folder to fill")
	f.Int64Var(&git.Limit, "limit", contract.SourceLimit, "size in bytes from which on it is too large")
	f.StringVar(&git.Found, "found", "", "file that gets what the revision stood for")
	return c
}

func newGo(s cli.Streams) *cobra.Command {
	step := compile.Step{Cache: contract.DirCache, Say: say(s)}
	step.Output = os.Stderr
	c := &cobra.Command{
		Use: "go", Short: "Make the image of a Go program", Args: cli.MaxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error { return step.Run(c.Context()) },
	}
	f := c.Flags()
	f.StringVar(&step.Package, "package", ".", "the main package")
	f.StringVar(&step.Base, "base", "", "image below the program")
	f.StringVar(&step.Ldflags, "ldflags", "", "for the linker, beside -s -w")
	f.StringVar(&step.Layout, "output", contract.DirLayout, "OCI layout to write")
	return c
}

func newPush(s cli.Streams) *cobra.Command {
	step := publish.Step{Dir: contract.DirImage, Now: time.Now, Say: say(s)}
	var secret string
	c := &cobra.Command{
		Use: "push", Short: "Publish the image and say which it is", Args: cli.MaxArgs(0),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if secret != "" { // before anything is pushed
				if step.Key, err = sign.Read(contract.DirSigning, secret); err != nil {
					return err
				}
			}
			if text := os.Getenv(contract.EnvBuild); text != "" {
				if err := json.Unmarshal([]byte(text), &step.Facts); err != nil {
					return fmt.Errorf("%s: %w", contract.EnvBuild, err)
				}
			}
			step.Registries = registries.FromEnv()
			result, err := step.Run(c.Context())
			if err != nil {
				return again(err, registries.Away)
			}
			return publish.Tell(terminationLog, result)
		},
	}
	c.Flags().StringVar(&step.Image, "image", "", "where the image goes")
	c.Flags().StringVar(&secret, "signing-secret", "", "name of the Secret whose key signs it")
	return c
}
