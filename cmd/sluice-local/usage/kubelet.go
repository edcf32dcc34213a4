package usage

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	stats "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
)

// kubeletPatience is how long the kubelet may take to answer.
const kubeletPatience = 10 * time.Second

// Kubelet is a kubelet as a Source.
type Kubelet struct {
	// URL is where its API is, such as https://10.0.0.1:10250.
	URL string
	// Client may ask it.
	Client *http.Client
}

// Read asks the kubelet. It looks at its containers every ten seconds or so.
func (k Kubelet) Read(ctx context.Context) (Reading, error) {
	ctx, cancel := context.WithTimeout(ctx, kubeletPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.URL+"/stats/summary?only_cpu_and_memory=true", nil)
	if err != nil {
		return Reading{}, fmt.Errorf("kubelet: %w", err)
	}
	resp, err := k.Client.Do(req)
	if err != nil {
		return Reading{}, fmt.Errorf("kubelet: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return Reading{}, fmt.Errorf("kubelet: %s: %s", req.URL.Path, resp.Status)
	}
	var all stats.Summary
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		return Reading{}, fmt.Errorf("kubelet: %s: %w", req.URL.Path, err)
	}
	return readSummary(all), nil
}

// readSummary leaves out containers that the kubelet has not looked at yet.
func readSummary(all stats.Summary) Reading {
	r := Reading{Node: all.Node.NodeName, Containers: map[Container]Use{}}
	r.Machine, _ = readUse(all.Node.StartTime, all.Node.CPU, all.Node.Memory)
	for _, p := range all.Pods {
		for _, c := range p.Containers {
			if use, ok := readUse(c.StartTime, c.CPU, c.Memory); ok {
				r.Containers[Container{p.PodRef.Namespace, p.PodRef.Name, c.Name}] = use
			}
		}
	}
	return r
}

// readUse takes for memory what the kubelet itself evicts by: the working set.
func readUse(since metav1.Time, cpu *stats.CPUStats, memory *stats.MemoryStats) (Use, bool) {
	if cpu == nil || cpu.UsageCoreNanoSeconds == nil || memory == nil || memory.WorkingSetBytes == nil {
		return Use{}, false
	}
	return Use{
		Since: since.Time, At: cpu.Time.Time,
		CPU: time.Duration(*cpu.UsageCoreNanoSeconds), Memory: int64(*memory.WorkingSetBytes),
	}, true
}
