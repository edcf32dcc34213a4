package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/cmd/sluice-local/address"
	"github.com/sluice-dev/sluice/cmd/sluice-local/goimage"
	"github.com/sluice-dev/sluice/cmd/sluice-local/registry"
)

// imageOptions are what the image verbs have in common.
type imageOptions struct {
	dir, output string
	out, err    io.Writer
}

func newImage(s Streams) *cobra.Command {
	o := &imageOptions{out: s.Out, err: s.Err}
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Build and list the cluster's images",
		Long:  "The images live in DIR/registry, whether or not the cluster is running.",
		Args:  exactArgs(0, "a verb, build or list"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&o.dir, "dir", defaultDir, "the cluster's directory")
	cmd.PersistentFlags().StringVarP(&o.output, "output", "o", "", "json, or nothing for people")
	cmd.AddCommand(newImageBuild(o), newImageList(o))
	return cmd
}

func newImageBuild(o *imageOptions) *cobra.Command {
	var tag string
	cmd := &cobra.Command{
		Use:   "build SRC_DIR --tag NAME[:TAG]",
		Short: "Build an image from a Go main package",
		Long: "Builds the Go main package in SRC_DIR into a static binary, alone in an image,\n" +
			"and keeps it under the name that specs use: " + registry.Host + "/NAME:TAG (TAG: latest).",
		Example: "  $ sluice-local image build ./app --tag hello:v2",
		Args:    exactArgs(1, "one folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := registry.LocalName(tag)
			if err != nil {
				return usageError{err}
			}
			if err := o.begin(); err != nil {
				return err
			}
			store, err := o.store()
			if err != nil {
				return err
			}
			digest, err := goimage.FromSource(cmd.Context(), args[0], name, "", store)
			if err != nil {
				return err
			}
			return o.print([]registry.Entry{{Name: name, Digest: digest}}, func(w io.Writer) {
				fmt.Fprintf(w, "%s %s\n", name, digest)
			})
		},
	}
	cmd.Flags().StringVarP(&tag, "tag", "t", "", "the image's name, NAME or NAME:TAG (required)")
	return cmd
}

func newImageList(o *imageOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the images in the cluster's registry",
		Args:  exactArgs(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			store, err := o.store()
			if err != nil {
				return err
			}
			entries, err := store.List()
			if err != nil {
				return err
			}
			return o.print(entries, func(w io.Writer) {
				table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				defer table.Flush()
				fmt.Fprintln(table, "NAME\tDIGEST")
				for _, e := range entries {
					fmt.Fprintf(table, "%s\t%s\n", e.Name, e.Digest)
				}
			})
		},
	}
}

// store opens the registry of the directory.
func (o *imageOptions) store() (*registry.Store, error) {
	if o.output != "" && o.output != "json" {
		return nil, usageError{fmt.Errorf("--output %s: there is json, or nothing", o.output)}
	}
	alias := ""
	if block, err := address.Kept(o.dir); err == nil {
		alias = block.Registry().String()
	}
	return registry.New(registry.Config{Dir: filepath.Join(o.dir, "registry"), Alias: alias})
}

// begin makes a directory that is not there, and says so: where no cluster is,
// none gets the image. Git leaves it alone.
func (o *imageOptions) begin() error {
	if _, err := os.Stat(o.dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fmt.Fprintf(o.err, "note: no cluster was ever started in %s; one that runs from another folder does not see this image: go there, or give --dir\n", o.dir)
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(o.dir, ".gitignore"), []byte("*\n"), 0o644)
}

// print writes entries as JSON, or as people shows them.
func (o *imageOptions) print(entries []registry.Entry, people func(io.Writer)) error {
	if o.output != "json" {
		people(o.out)
		return nil
	}
	enc := json.NewEncoder(o.out)
	enc.SetIndent("", "  ")
	return enc.Encode(map[string]any{"images": entries})
}
