package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-dev/sluice/appliers/inventory"
	"github.com/sluice-dev/sluice/engine"
	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/schema/contract"
)

// peers are what the engine is compared to, on the same cluster: kubectl, and
// the API server with nothing before it.
type peers struct {
	parts
	n int
	// rendered is what every service becomes, in the engine's namespace.
	rendered []manifest.Manifest
}

// workers is how many applies are under way at once: as many as the engine's.
const workers = 32

func newPeers(t *testing.T, c *cluster, n int) *peers {
	p, err := open(c.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.api.Close)
	out := &peers{parts: p, n: n}
	out.namespace(t, contract.Namespace)
	return out
}

// namespace makes a namespace.
func (p *peers) namespace(t *testing.T, name string) {
	t.Helper()
	id := manifest.ID{APIVersion: "v1", Kind: "Namespace", Name: name}
	if _, err := p.api.Patch(t.Context(), id, fmt.Appendf(nil, `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":%q}}`, name), "bench", true); err != nil {
		t.Fatal(err)
	}
}

// render is what n services become in a namespace.
func (p *peers) render(t *testing.T, n int, namespace string) []manifest.Manifest {
	t.Helper()
	repository, err := git.New(git.Config{URL: newRepository(t, n, namespace).dir})
	if err != nil {
		t.Fatal(err)
	}
	defer repository.Close()
	cfg := rendering
	cfg.ApplySet = inventory.ID(namespace, namespace) // of equal length, and not the engine's
	manifests, problems, err := engine.RenderTree(t.Context(), repository, specs, cfg, engine.Builds{})
	if err != nil || len(problems) > 0 || len(manifests) != 3*n {
		t.Fatalf("%d manifests, %v, %v", len(manifests), problems, err)
	}
	return manifests
}

// bodies are what the engine would send.
func bodies(t *testing.T, manifests []manifest.Manifest) [][]byte {
	t.Helper()
	out := make([][]byte, len(manifests))
	for i, m := range manifests {
		// As long as the engine's stamps are.
		stamps := manifest.Stamps{contract.AnnotationDigest: m.Digest, contract.AnnotationCommit: m.Digest[:40], contract.AnnotationSource: m.File}
		var err error
		if out[i], err = m.Body(stamps, m.Replicas); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// apply writes everything with as many workers as the engine has, and nothing else.
func (p *peers) apply(t *testing.T, manifests []manifest.Manifest) time.Duration {
	t.Helper()
	all := bodies(t, manifests)
	began := time.Now()
	var g errgroup.Group
	g.SetLimit(workers)
	for i, m := range manifests {
		g.Go(func() error {
			_, err := p.api.Patch(t.Context(), m.ID, all[i], "bench", true)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

// warm has the API server handle each kind before anything is measured.
func (p *peers) warm(t *testing.T) {
	p.namespace(t, "warm")
	p.apply(t, p.render(t, min(p.n, 20), "warm"))
}

// raw measures the API server's own limit.
func (r *run) raw(t *testing.T, namespace string) {
	r.peers.namespace(t, namespace)
	manifests := r.peers.render(t, r.n, namespace)
	if r.peers.rendered == nil {
		r.peers.rendered = manifests
	}
	r.cluster.settle(t)
	took := r.peers.apply(t, manifests)
	r.limit = append(r.limit, took)
	r.table.add(fmt.Sprintf("API server alone, %d workers", workers), seconds(took), "", fmt.Sprintf("%.0f writes/s", float64(len(manifests))/took.Seconds()))
}

// pair measures the two writes of a change, a Deployment and then a
// VirtualService, with nothing before the API server.
func (r *run) pair(t *testing.T) sample {
	t.Helper()
	r.peers.namespace(t, "pairs")
	manifests := r.peers.render(t, min(r.n, r.rounds()), "pairs")
	all := bodies(t, manifests)
	units := map[string][2]int{}
	for i, m := range manifests {
		u := units[m.Unit.Name]
		switch m.ID.Kind {
		case "Deployment":
			u[0] = i
		case "VirtualService":
			u[1] = i
		}
		units[m.Unit.Name] = u
	}
	r.cluster.settle(t)
	var took sample
	for _, u := range units {
		began := time.Now()
		for _, i := range u {
			if _, err := r.peers.api.Patch(t.Context(), manifests[i].ID, all[i], "bench", true); err != nil {
				t.Fatal(err)
			}
		}
		took = append(took, time.Since(began))
		time.Sleep(150 * time.Millisecond) // as far apart as the pushes
	}
	return took
}

// kubectl measures `kubectl apply --server-side`, twice.
func (r *run) kubectl(t *testing.T, limit time.Duration) {
	if !withPeers() {
		return
	}
	r.peers.namespace(t, "kubectl")
	file := filepath.Join(t.TempDir(), "all.json")
	var list bytes.Buffer
	for _, body := range bodies(t, r.peers.render(t, r.n, "kubectl")) {
		list.Write(body)
		list.WriteByte('\n')
	}
	if err := os.WriteFile(file, list.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"kubectl apply --server-side", "  again, nothing to do"} {
		r.cluster.settle(t)
		began := time.Now()
		c := exec.Command(local(t), "kubectl", "--dir", r.cluster.dir, "apply", "--server-side", "-f", file)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out[max(0, len(out)-2000):])
		}
		took := time.Since(began)
		r.table.add(what, seconds(took), "", ratio(took, limit)+" of the API server alone")
	}
}

// find is the object of a kind that belongs to a service.
func (p *peers) find(t *testing.T, kind, service string) manifest.ID {
	t.Helper()
	for _, m := range p.rendered {
		if m.ID.Kind == kind && m.Unit.Name == service {
			return m.ID
		}
	}
	t.Fatalf("no %s of %s", kind, service)
	return manifest.ID{}
}

// meddle changes an object's spec as somebody else.
func (p *peers) meddle(t *testing.T, id manifest.ID, spec string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"apiVersion": id.APIVersion, "kind": id.Kind, "metadata": map[string]string{"name": id.Name, "namespace": id.Namespace},
		"spec": json.RawMessage(spec),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.api.Patch(t.Context(), id, body, "somebody", true); err != nil {
		t.Fatal(err)
	}
}
