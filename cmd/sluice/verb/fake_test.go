package verb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/cmd/sluice/install"
	"github.com/sluice-dev/sluice/engine"
	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/status"
)

// told is a cluster that answers what the test says.
type told struct {
	settings install.Settings
	report   status.Report
	answers  map[string]string // of the autoscaler, by path
	events   map[string]string // of the dispatcher, by method and path
	sent     *[]byte           // what the dispatcher was sent
}

func (c told) Cluster(string) (Cluster, error)                      { return c, nil }
func (c told) Repository(cfg git.Config) (engine.Repository, error) { return git.New(cfg) }
func (c told) Settings(context.Context) (install.Settings, error)   { return c.settings, nil }
func (c told) Report(context.Context) (status.Report, error) {
	r := c.report
	r.Specs, r.Farewells = slices.Clone(r.Specs), slices.Clone(r.Farewells)
	return r, nil
}
func (c told) Config() engine.Config { return engine.Config{} }

func (c told) FarewellAgain(_ context.Context, namespace, job string) (string, error) {
	return namespace + "-" + job + "-again", nil
}

func (c told) BuildLogs(_ context.Context, q BuildLogs) error {
	_, err := fmt.Fprintf(q.Out, "namespace %q name %q step %q follow %v\n", q.Namespace, q.Name, q.Step, q.Follow)
	return err
}

func (c told) Ask(_ context.Context, path string) ([]byte, error) {
	if a, ok := c.answers[path]; ok {
		return []byte(a), nil
	}
	return nil, errors.New("autoscaler: nothing is known of " + path)
}

// run types a command line, and gives what it prints.
func (c told) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := Root(cli.Streams{Out: &out, Err: &out}, c)
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func (c told) Events(_ context.Context, method, path string, query url.Values, body io.Reader) (io.ReadCloser, error) {
	if body != nil && c.sent != nil {
		*c.sent, _ = io.ReadAll(body)
	}
	key := method + " " + path + "?" + query.Encode()
	if a, ok := c.events[key]; ok {
		return io.NopCloser(strings.NewReader(a)), nil
	}
	return nil, errors.New("nothing is known of " + key)
}
