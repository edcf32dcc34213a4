package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/runtime/source/memory"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Sender takes events; see source.Sink.
type Sender interface {
	Send(ctx context.Context, e *cloudevents.Event) error
}

// Config is how to run.
type Config struct {
	Source contract.Source
	Sink   Sender
	Client dynamic.Interface
	// Mapper finds the resource of a kind.
	Mapper meta.RESTMapper
	// Server is the API server's address, the events' source.
	Server string
	// Memory has how far the source was. Nil: it begins with what comes.
	Memory memory.Memory
	// Ready is called when everything is watched. Optional.
	Ready func()
	Log   *slog.Logger
}

// Source sends changes.
type Source struct {
	cfg     Config
	spec    contract.KubernetesSource
	watches []*watch
	notes   *memory.Notes
}

// New checks the selectors. Nothing is asked of the server yet.
func New(cfg Config) (*Source, error) {
	if cfg.Source.Kubernetes == nil || len(cfg.Source.Kubernetes.Resources) == 0 {
		return nil, errors.New("kubernetes: the source names no resources")
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Ready == nil {
		cfg.Ready = func() {}
	}
	s := &Source{cfg: cfg, spec: *cfg.Source.Kubernetes}
	for _, r := range s.spec.Resources {
		if _, err := labels.Parse(r.Selector); err != nil {
			return nil, fmt.Errorf("%s: selector %q: %w", cfg.Source.Ref, r.Selector, err)
		}
	}
	return s, nil
}

// Run sends until ctx ends.
func (s *Source) Run(ctx context.Context) error {
	var err error
	if s.notes, err = memory.Open(ctx, s.cfg.Memory, s.cfg.Log); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	for _, r := range s.spec.Resources {
		if err := s.find(r); err != nil {
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.notes.Run(ctx) })
	watching := make(chan struct{}, len(s.watches))
	for _, w := range s.watches {
		g.Go(func() error { return w.run(ctx, func() { watching <- struct{}{} }) })
	}
	g.Go(func() error {
		for range s.watches {
			select {
			case <-watching:
			case <-ctx.Done():
				return nil
			}
		}
		s.cfg.Ready()
		return nil
	})
	return g.Wait()
}

// find makes a watch per namespace of a kind.
func (s *Source) find(r contract.KubernetesResource) error {
	gv, err := schema.ParseGroupVersion(r.APIVersion)
	if err != nil {
		return fmt.Errorf("%s: apiVersion %q: %w", s.cfg.Source.Ref, r.APIVersion, err)
	}
	m, err := s.cfg.Mapper.RESTMapping(gv.WithKind(r.Kind).GroupKind(), gv.Version)
	if err != nil {
		return fmt.Errorf("%s: %s %s: %w", s.cfg.Source.Ref, r.APIVersion, r.Kind, err)
	}
	namespaces := s.spec.Namespaces
	switch {
	case m.Scope.Name() == meta.RESTScopeNameRoot, slices.Contains(namespaces, "*"):
		namespaces = []string{metav1.NamespaceAll}
	case len(namespaces) == 0:
		namespaces = []string{s.cfg.Source.Namespace}
	}
	for _, namespace := range namespaces {
		note := noteOf(m, namespace)
		for n := 2; slices.ContainsFunc(s.watches, func(w *watch) bool { return w.note == note }); n++ {
			note = fmt.Sprintf("%s.%d", noteOf(m, namespace), n) // each goes its own way
		}
		s.watches = append(s.watches, &watch{
			source: s, note: note, version: s.notes.Last(note), resource: s.cfg.Client.Resource(m.Resource).Namespace(namespace), mapping: m, selector: r.Selector,
			log: s.cfg.Log.With("resource", m.Resource.Resource, "namespace", namespace),
		})
	}
	return nil
}

// noteOf is the name under which is remembered how far a watch was. Versions of
// one kind in one namespace go on whatever the selector is; where several watch it,
// the second and further ones have their number behind it.
func noteOf(m *meta.RESTMapping, namespace string) string {
	return strings.Trim(strings.Join([]string{m.Resource.GroupResource().String(), namespace}, "."), ".")
}
