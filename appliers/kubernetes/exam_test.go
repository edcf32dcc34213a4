package kubernetes_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/sluice-dev/sluice/appliers/appliertest"
	"github.com/sluice-dev/sluice/appliers/kubernetes"
	"github.com/sluice-dev/sluice/engine/manifest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const set = "applyset-test-v1"

// pair is an applier and a running observer on a server in memory.
type pair struct {
	server   *appliertest.Server
	api      *kubernetes.API
	applier  *kubernetes.Applier
	observer *kubernetes.Observer
}

func newPair(t testing.TB, kinds ...manifest.Kind) pair {
	t.Helper()
	p := pair{server: appliertest.NewServer(t)}
	var err error
	if p.api, err = kubernetes.NewAPI(kubernetes.APIConfig{REST: p.server.REST()}); err != nil {
		t.Fatal(err)
	}
	if p.applier, err = kubernetes.NewApplier(kubernetes.ApplierConfig{Writer: p.api, ApplySet: set}); err != nil {
		t.Fatal(err)
	}
	if p.observer, err = kubernetes.NewObserver(kubernetes.ObserverConfig{API: p.api, ApplySet: set, Kinds: kinds, Page: 3}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.api.Close)
	return p
}

// start runs the observer until stop is called.
func (p pair) start() (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // it must outlive t.Context to be awaited
	done := make(chan error, 1)
	go func() { done <- p.observer.Run(ctx) }()
	return func() error { cancel(); return <-done }
}

// run runs the observer until the test ends.
func (p pair) run(t testing.TB) {
	t.Helper()
	stop := p.start()
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func (p pair) scale(ctx context.Context, id manifest.ID, n int) error {
	url := fmt.Sprintf("%s/apis/apps/v1/namespaces/%s/deployments/%s/scale?fieldManager=autoscaler", p.server.REST().Host, id.Namespace, id.Name)
	req, err := http.NewRequestWithContext(ctx, http.MethodPatch, url, bytes.NewBufferString(fmt.Sprintf(`{"spec":{"replicas":%d}}`, n)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/merge-patch+json")
	resp, err := p.api.Client().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("scale %s: %s", id, resp.Status)
	}
	return nil
}

func TestExam_OnAServerInMemory(t *testing.T) {
	for _, c := range []struct {
		name      string
		watchList bool
	}{{"with lists that stream", true}, {"with lists by page", false}} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t)
			if !c.watchList {
				p.server.NoWatchList()
			}
			p.run(t)
			p.server.AddNamespace("exam")
			appliertest.Run(t, appliertest.World{
				Applier: p.applier, Observer: p.observer, Cluster: p.api, Scale: p.scale, ApplySet: set, Namespace: "exam",
			})
		})
	}
}
