package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// Format is the value of `-o`.
type Format string

// Text is for people, JSON for programs, YAML where manifests are printed.
const (
	Text Format = "text"
	JSON Format = "json"
	YAML Format = "yaml"
)

// AddFormat gives a command `-o`; the first of the formats is the default.
func AddFormat(c *cobra.Command, formats ...Format) *Format {
	f := &formatFlag{value: formats[0], allowed: formats}
	c.Flags().VarP(f, "output", "o", "output format: "+f.list())
	return &f.value
}

type formatFlag struct {
	value   Format
	allowed []Format
}

func (f *formatFlag) String() string { return string(f.value) }
func (f *formatFlag) Type() string   { return "format" }

func (f *formatFlag) Set(s string) error {
	if !slices.Contains(f.allowed, Format(s)) {
		return fmt.Errorf("want %s", f.list())
	}
	f.value = Format(s)
	return nil
}

func (f *formatFlag) list() string {
	words := make([]string, len(f.allowed))
	for i, a := range f.allowed {
		words[i] = string(a)
	}
	return strings.Join(words, " or ")
}

// Table writes rows in columns.
type Table struct{ w *tabwriter.Writer }

// NewTable begins a table with its heads.
func NewTable(out io.Writer, heads ...string) Table {
	t := Table{tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)}
	t.Row(heads...)
	return t
}

// Row adds a row.
func (t Table) Row(cells ...string) {
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

// Flush writes the table.
func (t Table) Flush() error { return t.w.Flush() }
