package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/netip"

	"k8s.io/client-go/kubernetes"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/shim"
)

// Config is what a Node needs. Every field without a default is required.
type Config struct {
	// Name is the node's name. Default: local.
	Name string
	// Client may do everything. Its rate limit bounds how fast pods start.
	Client kubernetes.Interface
	// IP is the node's own loopback address; the kubelet API listens there.
	IP string
	// PodCIDR is where pods get their addresses from, beginning at .1.0.
	PodCIDR netip.Prefix
	// Dir keeps state and logs, in its subdirectory "node".
	Dir string
	// Images unpacks images.
	Images Images
	// APIServer is the host:port that pods are told. Default: they are told none.
	APIServer string
	// ServingCert is the kubelet API's certificate, valid for IP.
	ServingCert tls.Certificate
	// ClientCA signs the clients of the kubelet API. Whoever it certifies may
	// run commands in every pod, so it should be for the API server alone.
	ClientCA *x509.CertPool
	// Log receives what an operator acts on. Default: nothing.
	Log *slog.Logger
	// Mode forces how containers are kept apart. Default: the best that works.
	Mode shim.Mode
}

// Images makes the files of images available on this machine.
type Images interface {
	// Pull returns the image that ref names now. It is asked by the pull policy;
	// even for Never, when what it has stored already should do.
	Pull(ctx context.Context, ref string) (Image, error)
}

// Image is an unpacked image. Its files must stay as they are.
type Image struct {
	// Ref is the name it was asked for by; Digest is sha256:...
	Ref, Digest string
	// Root is the directory that holds its files.
	Root string
	// Entrypoint, Cmd, Env, WorkingDir and User are as in the image's config.
	Entrypoint, Cmd, Env []string
	WorkingDir, User     string
}

func (c Config) validate() error {
	switch {
	case c.Client == nil:
		return errors.New("node: config: Client is missing")
	case c.Images == nil:
		return errors.New("node: config: Images is missing")
	case c.Dir == "":
		return errors.New("node: config: Dir is missing")
	case !c.PodCIDR.IsValid() || !c.PodCIDR.Addr().Is4():
		return errors.New("node: config: PodCIDR must be a range of IPv4 addresses such as 127.9.0.0/16")
	case c.IP == "":
		return errors.New("node: config: IP is missing")
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Name == "" {
		c.Name = "local"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// MaybeShim must be the first call in main. A process that the node has
// re-executed as a container's init never returns from it. (By then it is done
// already: see package shim. The call keeps that package linked in, and says so
// in main.)
func MaybeShim() { shim.Linked() }
