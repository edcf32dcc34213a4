package node

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// view is the pod with its address and its ports, as its containers and the API
// are going to see it.
func (p *pod) view() *corev1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.obj.DeepCopy()
	v.Status.PodIP, v.Status.HostIP = p.ip, p.node.cfg.IP
	if len(p.ports) > 0 {
		if v.Annotations == nil {
			v.Annotations = map[string]string{}
		}
		v.Annotations[contract.AnnotationPorts] = p.ports.annotation()
	}
	return v
}

// annotation is the mapping as the data plane reads it.
func (m portMap) annotation() string {
	out := make(map[string]int32, len(m))
	for declared, real := range m {
		out[strconv.Itoa(int(declared))] = real
	}
	data, err := json.Marshal(out) // sorts its keys
	if err != nil {
		return "{}" // a map of numbers can always be marshalled
	}
	return string(data)
}

// prepare makes the pod's directories, its files in /etc, and its volumes.
func (p *pod) prepare() (refresh time.Time, err error) {
	view := p.view()
	etc := filepath.Join(p.dir, "etc")
	if err := os.MkdirAll(etc, 0o755); err != nil {
		return time.Time{}, err
	}
	for name, content := range etcFiles(view) {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(content), 0o644); err != nil {
			return time.Time{}, err
		}
	}
	volumes, refresh, err := makeVolumes(p.ctx, filepath.Join(p.dir, "volumes"), view, p.composer(view))
	if err != nil {
		return time.Time{}, err
	}
	p.mu.Lock()
	p.volumes = volumes
	p.mu.Unlock()
	return refresh, nil
}

func (p *pod) composer(view *corev1.Pod) composer {
	return composer{pod: view, from: api{p.node.cfg.Client}, tokens: &p.tokens, node: p.node.resources}
}

// refreshVolumes keeps the files of volumes as the API has their content, and
// their tokens fresh, until the pod ends.
func (p *pod) refreshVolumes(at time.Time) {
	if len(p.current().Spec.Volumes) == 0 {
		return
	}
	for {
		changed := p.related.next()
		wait := 24 * time.Hour
		if !at.IsZero() {
			wait = time.Until(at)
		}
		if !p.sleep(max(wait, 0), changed) {
			return
		}
		view := p.view()
		_, next, err := makeVolumes(p.ctx, filepath.Join(p.dir, "volumes"), view, p.composer(view))
		switch {
		case err == nil:
			at = next
		case !at.IsZero():
			at = time.Now().Add(p.node.timing.configMax)
			fallthrough
		default:
			p.log.Debug("volumes cannot be refreshed", "err", err)
		}
	}
}

// etcFiles are the files that every container finds in /etc.
func etcFiles(pod *corev1.Pod) map[string]string {
	name := hostname(pod)
	var hosts strings.Builder
	hosts.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
	full := name
	if pod.Spec.Subdomain != "" {
		full = fmt.Sprintf("%s.%s.%s.svc.cluster.local\t%s", name, pod.Spec.Subdomain, pod.Namespace, name)
	}
	fmt.Fprintf(&hosts, "%s\t%s\n", pod.Status.PodIP, full)
	for _, a := range pod.Spec.HostAliases {
		fmt.Fprintf(&hosts, "%s\t%s\n", a.IP, strings.Join(a.Hostnames, "\t"))
	}
	return map[string]string{"hosts": hosts.String(), "hostname": name + "\n", "resolv.conf": resolvConf(pod)}
}

// resolvConf is the machine's, there being no cluster DNS, unless the pod
// brings its own.
func resolvConf(pod *corev1.Pod) string {
	var b strings.Builder
	if pod.Spec.DNSPolicy != corev1.DNSNone {
		if data, err := os.ReadFile("/etc/resolv.conf"); err == nil {
			b.Write(data)
		}
	}
	c := pod.Spec.DNSConfig
	if c == nil {
		return b.String()
	}
	for _, s := range c.Nameservers {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	if len(c.Searches) > 0 {
		fmt.Fprintf(&b, "search %s\n", strings.Join(c.Searches, " "))
	}
	for _, o := range c.Options {
		if o.Value != nil {
			fmt.Fprintf(&b, "options %s:%s\n", o.Name, *o.Value)
		} else {
			fmt.Fprintf(&b, "options %s\n", o.Name)
		}
	}
	return b.String()
}

func (p *pod) logDir() string { return filepath.Join(p.node.logsDir(), logName(p.current())) }

func (p *pod) removeLogs() error { return os.RemoveAll(p.logDir()) }

// network is the pod's address, and where its declared ports really are.
func (p *pod) network() (ip string, ports portMap) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ip, maps.Clone(p.ports)
}

func (p *pod) volumeList() map[string]volume {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.volumes
}

// containerNamed finds a container; nil if there is none of that name.
func (p *pod) containerNamed(name string) *container {
	i := slices.IndexFunc(p.containers, func(c *container) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	return p.containers[i]
}
