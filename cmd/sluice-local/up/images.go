package up

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-dev/sluice/cmd/sluice-local/registry"
	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
)

func (s *session) openImages() (err error) {
	s.images, err = registry.New(registry.Config{
		Dir: filepath.Join(s.Dir, "registry"), Unpacked: filepath.Join(s.Dir, "images"),
		Alias: s.claim.Block.Registry().String(), Make: s.makeImage,
	})
	if err != nil {
		return err
	}
	return s.images.Tidy()
}

// serveImages serves the registry to whoever pushes and pulls.
func (s *session) serveImages(ctx context.Context) error {
	server := &http.Server{Handler: s.images.Handler(), ReadHeaderTimeout: 10 * time.Second}
	s.stack.Push(ctx, stack.Component{Name: "registry", Run: func(ctx context.Context) error {
		defer context.AfterFunc(ctx, func() { server.Close() })()
		var all errgroup.Group
		for _, l := range s.registryListeners() {
			all.Go(func() error {
				defer server.Close() // one without the other is of no use
				if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
					return fmt.Errorf("serve: %w", err)
				}
				return nil
			})
		}
		return all.Wait()
	}})
	return nil
}

// registryListeners are where the registry is served; pods reach the first.
func (s *session) registryListeners() []net.Listener {
	if s.machine != nil {
		return []net.Listener{s.machine.registry, s.claim.Registry}
	}
	return []net.Listener{s.claim.Registry}
}
