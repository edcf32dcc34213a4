package install

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/sluice-dev/sluice/schema/contract"
)

// ConfigMap and its key hold the Settings in the cluster, where the engine and
// the command line read them.
const (
	ConfigMap = "sluice-settings"
	Key       = "settings.json"
)

// Settings is what an installation decides.
type Settings struct {
	// Image is the sluice image. Required.
	Image string `json:"image"`
	// Repository is the URL, or the absolute path on the node, of the
	// repository to watch; Branch is the branch. Required; default main.
	Repository string `json:"repository"`
	Branch     string `json:"branch"`
	// GitSecret names a Secret in sluice-system with the repository's
	// credentials: username and password, or ssh-privatekey and known_hosts,
	// and ca.crt. Optional.
	GitSecret string `json:"gitSecret,omitempty"`
	// WebhookSecret names a Secret with the key `secret` that signs pushes.
	// Without it there is no webhook.
	WebhookSecret string `json:"webhookSecret,omitempty"`
	// Domain is the suffix of external hosts. Default localhost.
	Domain string `json:"domain"`
	// Listen, if set, has the activator serve on this address of its node
	// (host network) rather than behind a Service alone.
	Listen string `json:"listen,omitempty"`
	// Allow are further plain kinds that the repository may hold, as
	// `Role.rbac.authorization.k8s.io`.
	Allow []string `json:"allow,omitempty"`
	// AllowSecrets lets Secrets with plaintext values through.
	AllowSecrets bool `json:"allowSecrets,omitempty"`
	// Previews bounds what the repository may say about previews.
	Previews Previews `json:"previews,omitzero"`
	// EventsSink is a URL that gets the engine's CloudEvents. Optional.
	EventsSink string `json:"eventsSink,omitempty"`
	// PullSecrets names the Secrets, of any namespace, that the engine may read
	// to ask registries what an image's tag stands for, as pods pull with them.
	PullSecrets []string `json:"pullSecrets,omitempty"`
	// ForgeSecret names a Secret with the key `token`, which may set commit
	// statuses. Without it none are set.
	ForgeSecret string `json:"forgeSecret,omitempty"`
	// Forge is github, gitlab or gitea. Default: told by the repository's host.
	Forge string `json:"forge,omitempty"`
	// ForgeAPI is the root of the forge's API. Default: where the forge has it.
	ForgeAPI string `json:"forgeAPI,omitempty"`
	// EventsPath is a folder of the node for the files of the embedded bus.
	// Without it they are on a claim of EventsSize, default 10Gi.
	EventsPath string `json:"eventsPath,omitempty"`
	EventsSize string `json:"eventsSize,omitempty"`
	// BusSecrets are the Secrets, as NAMESPACE/NAME, that buses may read.
	BusSecrets []string `json:"busSecrets,omitempty"`
	// Istio prints an Istio Gateway: the mesh is in front of the activator.
	Istio bool `json:"istio,omitempty"`
	// TLSSecret names the Secret, in the namespace of Istio's ingress, with the
	// certificate for the hosts under Domain. Without it they have no https.
	TLSSecret string `json:"tlsSecret,omitempty"`
	// RequestLog has the activator write a line for each request: json, or a Go
	// template. Traces is where it sends spans by OTLP over HTTP. Optional.
	RequestLog string `json:"requestLog,omitempty"`
	Traces     string `json:"traces,omitempty"`
	// Builds says how images are built.
	Builds Builds `json:"builds,omitzero"`
}

// WithDefaults fills what was left out.
func (s Settings) WithDefaults() Settings {
	if s.Branch == "" {
		s.Branch = "main"
	}
	if s.Domain == "" {
		s.Domain = "localhost"
	}
	if s.EventsPath == "" && s.EventsSize == "" {
		s.EventsSize = DefaultEventsSize
	}
	return s
}

// Validate says what is wrong, naming the flag.
func (s Settings) Validate() error {
	if s.Repository == "" {
		return fmt.Errorf("--repo is required: the URL of the repository to watch")
	}
	if s.Image == "" {
		return fmt.Errorf("--image is required: the sluice image, as registry.example.com/sluice:v1")
	}
	if err := s.Previews.validate(); err != nil {
		return err
	}
	if s.Listen != "" {
		_, port, err := net.SplitHostPort(s.Listen)
		if err != nil {
			return fmt.Errorf("--listen %q: want HOST:PORT, as 127.0.0.1:8080", s.Listen)
		}
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("--listen %q: port %q: want 1 to 65535", s.Listen, port)
		}
	}
	if s.EventsPath != "" && !filepath.IsAbs(s.EventsPath) {
		return fmt.Errorf("--events-path %q: want an absolute path on the node", s.EventsPath)
	}
	if s.EventsPath != "" && s.EventsSize != "" {
		return fmt.Errorf("--events-path and --events-size exclude each other: a folder of the node has no size")
	}
	if _, err := resource.ParseQuantity(s.EventsSize); s.EventsSize != "" && err != nil {
		return fmt.Errorf("--events-size %q: want a quantity, as 10Gi", s.EventsSize)
	}
	if s.TLSSecret != "" && !s.Istio {
		return fmt.Errorf("--tls-secret %q: certificates are Istio's ingress's, which --istio prints a Gateway for", s.TLSSecret)
	}
	switch s.Forge {
	case "", "github", "gitlab", "gitea":
	default:
		return fmt.Errorf("--forge %q: want github, gitlab or gitea", s.Forge)
	}
	if s.ForgeSecret == "" && (s.Forge != "" || s.ForgeAPI != "") {
		return fmt.Errorf("--forge and --forge-api do nothing without --forge-secret: the Secret with the token that sets commit statuses")
	}
	if err := s.Builds.validate(); err != nil {
		return err
	}
	if err := s.validateBusSecrets(); err != nil {
		return err
	}
	for _, kind := range s.Allow {
		if name, _, _ := strings.Cut(kind, "."); name == "" || strings.ToUpper(name[:1]) != name[:1] {
			return fmt.Errorf("--allow %q: want KIND.GROUP as Role.rbac.authorization.k8s.io, or KIND for the core group", kind)
		}
	}
	return nil
}

// insidePort is where the activator serves who is in the cluster.
func (s Settings) insidePort() int32 {
	switch _, text, err := net.SplitHostPort(s.Listen); {
	case s.Istio:
		return contract.ActivatorListen
	case err != nil: // it has a port for that
		return contract.ActivatorInside
	default:
		n, _ := strconv.ParseInt(text, 10, 32) // is validated
		return int32(n)
	}
}

// Gateway is where names below cluster.local are answered for on one machine,
// where nobody resolves them; empty where the cluster's DNS does.
func (s Settings) Gateway() string {
	if isLoopback(s.Listen) {
		return s.Listen
	}
	return ""
}

// LocalRepository is the folder on the node that holds the repository; empty
// for a remote one.
func (s Settings) LocalRepository() string {
	path := strings.TrimPrefix(s.Repository, "file://")
	if filepath.IsAbs(path) {
		return path
	}
	return ""
}

// Encode is the Settings as the ConfigMap holds them.
func (s Settings) Encode() string {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("install: settings are always JSON: %v", err))
	}
	return string(b)
}

// Decode reads the Settings from the ConfigMap's data.
func Decode(data map[string]string) (Settings, error) {
	text, ok := data[Key]
	if !ok {
		return Settings{}, fmt.Errorf("ConfigMap %s/%s has no key %s: run `sluice install` again", contract.Namespace, ConfigMap, Key)
	}
	var s Settings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return Settings{}, fmt.Errorf("ConfigMap %s/%s: %s: %w", contract.Namespace, ConfigMap, Key, err)
	}
	return s.WithDefaults(), nil
}
