package verb

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/cmd/sluice/install"
)

type installOptions struct {
	*options
	format   *cli.Format
	settings install.Settings
}

func newInstall(o *options) *cobra.Command {
	v := &installOptions{options: o}
	c := &cobra.Command{
		Use:   "install",
		Short: "Print the platform's manifests, for kubectl apply or for Git",
		Example: `  $ sluice install --image registry.example.com/sluice:v1 --repo https://github.com/you/specs | kubectl apply --server-side -f -
  $ sluice install --image registry.example.com/sluice:v1 --repo git@github.com:you/specs --git-secret specs-key`,
		Args: cli.MaxArgs(0),
		RunE: func(*cobra.Command, []string) error { return v.run() },
	}
	v.format = cli.AddFormat(c, cli.YAML, cli.JSON)
	f, s := c.Flags(), &v.settings
	f.IntVar(&s.Previews.Most, "previews", 0, "how many refs may be previewed at once; -1 is none (default 100)")
	f.Int64Var(&s.Previews.Percent, "preview-percent", 0, "the most that previews may get of a service's requests (default 50)")
	f.IntVar(&s.Previews.Days, "preview-days", 0, "how old a previewed ref's newest commit may be (default 30)")
	f.StringVar(&s.Image, "image", "", "the sluice image (required)")
	f.StringVar(&s.Repository, "repo", "", "repository to watch: a URL, or a path on the node (required)")
	f.StringVar(&s.Branch, "branch", "main", "branch to watch")
	f.StringVar(&s.Domain, "domain", "localhost", "suffix of external hosts: NAME.NAMESPACE.DOMAIN")
	f.StringVar(&s.Listen, "listen", "", "serve on this address of the node, as 127.0.0.1:8080, rather than behind a Service alone")
	f.StringVar(&s.GitSecret, "git-secret", "", "Secret in sluice-system: username and password, or ssh-privatekey and known_hosts; and ca.crt")
	f.StringVar(&s.WebhookSecret, "webhook-secret", "", "Secret in sluice-system with the key `secret` that signs pushes")
	f.StringVar(&s.EventsSink, "events-sink", "", "URL that gets the engine's CloudEvents")
	f.StringVar(&s.EventsPath, "events-path", "", "folder of the node for the files of the embedded bus, rather than a claim")
	f.StringSliceVar(&s.BusSecrets, "bus-secret", nil, "Secret, as NAMESPACE/NAME, that an event bus may read; repeat for each")
	f.StringVar(&s.EventsSize, "events-size", "", "size of the claim for the files of the embedded bus (default 10Gi)")
	f.StringSliceVar(&s.PullSecrets, "pull-secret", nil, "name of a Secret that pods pull with and the engine may read, in any namespace, to resolve tags to digests")
	f.StringVar(&s.ForgeSecret, "forge-secret", "", "Secret in sluice-system with the key `token` that may set commit statuses")
	f.StringVar(&s.Forge, "forge", "", "what the repository's host runs: github, gitlab or gitea (told by its name if left out)")
	f.StringVar(&s.ForgeAPI, "forge-api", "", "root of the forge's API, if not where the forge usually has it")
	f.StringVar(&s.RequestLog, "request-log", "", "have the activator write a line for each request: json, or a Go template such as '{{.Method}} {{.Path}} {{.Status}}'")
	f.StringVar(&s.Traces, "traces", "", "have the activator send a span for each request by OTLP over HTTP to this URL, as http://collector:4318")
	f.BoolVar(&s.Istio, "istio", false, "the ingress is Istio: print its Gateway as well")
	f.StringVar(&s.TLSSecret, "tls-secret", "", "Secret, in the namespace of Istio's ingress, with the certificate for *.DOMAIN")
	addBuildFlags(c, &s.Builds)
	addPolicyFlags(c, s)
	return c
}

func (v *installOptions) run() error {
	s := v.settings.WithDefaults()
	if err := s.Validate(); err != nil {
		return &cli.Exit{Code: cli.Usage, Err: fmt.Errorf("install: %w", err)}
	}
	if isBare(s.Repository) {
		path, err := filepath.Abs(s.Repository)
		if err != nil {
			return err
		}
		s.Repository = path
	}
	if *v.format == cli.JSON {
		return v.streams.JSON(map[string]any{"apiVersion": "v1", "kind": "List", "items": install.Manifests(s)})
	}
	for _, object := range install.Manifests(s) {
		b, err := clean(object)
		if err != nil {
			return err
		}
		v.streams.Printf("---\n%s", b)
	}
	return nil
}

// clean is the object as YAML, without the empty fields of its Go type.
func clean(object any) ([]byte, error) {
	b, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	delete(m, "status")
	return yaml.Marshal(m)
}
