package follow

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// again is how soon a pod that went away is looked for anew.
const again = 500 * time.Millisecond

// Config of a live log; every field is required.
type Config struct {
	// Client reads pods and their logs.
	Client kubernetes.Interface
	// Namespace and Selector find the pods; the newest is followed.
	Namespace, Selector string
	// Since leaves out what was logged before.
	Since time.Time
	// Out gets the lines.
	Out io.Writer
}

// Run follows the newest pod's log, and its successor's, until ctx is done.
func Run(ctx context.Context, cfg Config) error {
	from := metav1.NewTime(cfg.Since)
	for {
		if pod := newest(ctx, cfg); pod != "" {
			stream(ctx, cfg, pod, from)
			from = metav1.Now()
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return nil
		}
	}
}

// newest is the running pod that started last, "" if there is none.
func newest(ctx context.Context, cfg Config) string {
	pods, err := cfg.Client.CoreV1().Pods(cfg.Namespace).List(ctx, metav1.ListOptions{LabelSelector: cfg.Selector})
	if err != nil {
		return ""
	}
	name, start := "", time.Time{}
	for _, p := range pods.Items {
		if p.Status.Phase == corev1.PodRunning && p.DeletionTimestamp == nil && !p.CreationTimestamp.Time.Before(start) {
			name, start = p.Name, p.CreationTimestamp.Time
		}
	}
	return name
}

// stream copies one pod's log until it ends. That it ended, or could not be
// had, is for Run to make good.
func stream(ctx context.Context, cfg Config, pod string, from metav1.Time) {
	log, err := cfg.Client.CoreV1().Pods(cfg.Namespace).GetLogs(pod, &corev1.PodLogOptions{Follow: true, SinceTime: &from}).Stream(ctx)
	if err != nil {
		return
	}
	defer log.Close()
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if text := line(lines.Bytes()); text != "" {
			fmt.Fprintln(cfg.Out, text)
		}
	}
}
