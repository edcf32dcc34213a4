package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// platform is a cluster with Sluice in it, and the repository that it watches.
type platform struct {
	*cluster
	t     *testing.T
	clone string
	http  string
	// app is the program of e2e/testdata/app, which services run.
	app string
	// activator is its pod.
	activator pod
}

// newPlatform starts one; args are more of `sluice-local up`.
func newPlatform(t *testing.T, args ...string) *platform {
	t.Helper()
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &platform{t: t, http: freeAddress(t), clone: filepath.Join(t.TempDir(), "demo"), app: filepath.Join(t.TempDir(), "app")}
	p.cluster = up(t, dir, append([]string{"--http", p.http}, args...)...)
	p.run(local(t), "image", "build", "../testdata/app", "--tag", "bench-app", "--dir", dir)
	p.run("go", "build", "-o", p.app, "../testdata/app")
	p.activator = p.podOf("sluice-system", "app.kubernetes.io/component=activator")
	p.run("git", "clone", "-q", filepath.Join(dir, "demo.git"), p.clone)
	return p
}

func (p *platform) run(name string, args ...string) {
	p.t.Helper()
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com")
	if out, err := c.CombinedOutput(); err != nil {
		p.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// names are n names of services with a prefix.
func names(prefix string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%s-%04d", prefix, i))
	}
	return all
}

// serve pushes services with these annotations and waits until the gateway
// knows them all.
func (p *platform) serve(services []string, concurrency int, annotations string) {
	p.t.Helper()
	before := p.metric("sluice_gateway_routes")
	for _, name := range services {
		text := fmt.Sprintf(`apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: %s}
spec:
  template:
    metadata:
      annotations: {%s}
    spec:
      containerConcurrency: %d
      containers:
      - image: local.dev/bench-app
        env: [{name: TARGET, value: ok}]
`, name, annotations, concurrency)
		if err := os.WriteFile(filepath.Join(p.clone, name+".yaml"), []byte(text), 0o644); err != nil {
			p.t.Fatal(err)
		}
	}
	p.run("git", "-C", p.clone, "add", "-A")
	p.run("git", "-C", p.clone, "commit", "-qm", "Serve")
	p.run("git", "-C", p.clone, "push", "-q")
	p.await("routes", func() bool { return p.metric("sluice_gateway_routes") >= before+float64(len(services)) })
}

// metric is a value on the activator's page, 0 where there is none.
func (p *platform) metric(name string) float64 {
	for line := range strings.Lines(p.page(p.activator.ip)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			v, _ := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return v
		}
	}
	return 0
}

// page is the metrics of a part of the platform.
func (p *platform) page(ip string) string {
	resp, err := http.Get("http://" + ip + ":9090/metrics")
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return string(b)
}

// pod is a pod of a part or a service.
type pod struct{ name, ip, port string }

// podOf is the first pod with the labels.
func (p *platform) podOf(namespace, labels string) pod {
	out, err := exec.Command(local(p.t), "kubectl", "--dir", p.dir, "get", "pods", "-n", namespace, "-l", labels, "-o", "json").Output()
	if err != nil {
		return pod{}
	}
	var list struct {
		Items []struct {
			Metadata struct {
				Name        string
				Annotations map[string]string
			}
			Status struct{ PodIP string }
		}
	}
	if json.Unmarshal(out, &list) != nil || len(list.Items) == 0 {
		return pod{}
	}
	found := list.Items[0]
	var ports map[string]int
	_ = json.Unmarshal([]byte(found.Metadata.Annotations["sluice.dev/ports"]), &ports) // none: the declared port
	port := 8080
	if real, ok := ports["8080"]; ok {
		port = real
	}
	return pod{found.Metadata.Name, found.Status.PodIP, strconv.Itoa(port)}
}

// await asks until it is so.
func (p *platform) await(what string, ok func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			p.t.Fatalf("no %s after %s", what, patience)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func host(name string) string { return name + ".default.localhost" }

// get makes one request on a connection of its own, and gives how long it took
// from the first to the last byte.
func (p *platform) get(url string) (time.Duration, error) {
	began := time.Now()
	once := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, p.http)
	}}
	resp, err := (&http.Client{Transport: once, Timeout: time.Minute}).Get("http://" + url)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || string(b) != "ok") {
		err = fmt.Errorf("HTTP %d %s", resp.StatusCode, b)
	}
	return time.Since(began), err
}

// part is the number of the process of a part of the platform.
func (p *platform) part(name string) int {
	p.t.Helper()
	parent := map[int]int{}
	args := map[int]string{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue
		}
		line, _ := os.ReadFile(dir + "/cmdline")
		_, fields, _ := strings.Cut(string(stat), ") ")
		var above int
		_, _ = fmt.Sscanf(fields, "%1s %d", new(string), &above)
		parent[pid], args[pid] = above, strings.ReplaceAll(string(line), "\x00", " ")
	}
	for pid, line := range args {
		below := false
		for at := pid; at > 1 && !below; at = parent[at] {
			below = parent[at] == p.process.Process.Pid
		}
		if below && strings.Contains(line, " "+name+" --") {
			return pid
		}
	}
	p.t.Fatalf("no process of the %s", name)
	return 0
}
