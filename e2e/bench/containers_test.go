package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// TestContainers measures cold starts in real containers: a service that
// sleeps is asked through gateway and activator; a plain Deployment of the same
// image is scaled from none to one, and its pod asked directly from the moment
// it has an address. One after the other in the same run, so that both meet the
// same machine.
func TestContainers(t *testing.T) {
	for _, program := range []string{"containerd", "runc", "conntrack"} {
		if _, err := exec.LookPath(program); err != nil || os.Geteuid() != 0 {
			t.Skip("real containers need root, containerd, runc, containernetworking-plugins, iptables and conntrack")
		}
	}
	b := &containers{platform: newPlatform(t, "--node", "kubelet"), table: &table{}}
	b.connect()
	defer func() { t.Log("\n" + b.table.String()) }()
	n := few(30, 3)
	all := names("cold", n)
	b.serve(all, 0, asleepFromTheStart)
	b.plain()
	ours, floor := timelines{}, timelines{}
	for i := -1; i < n; i++ { // the first plain one pulls the image
		line := b.scalePlain()
		if i < 0 {
			continue
		}
		floor.add(line)
		ours.add(b.wake(all[i]))
	}
	b.report(n, ours, floor)
}

// containers is one run.
type containers struct {
	*platform
	table  *table
	client kubernetes.Interface
}

func (b *containers) connect() {
	b.t.Helper()
	rc, err := clientcmd.BuildConfigFromFlags("", b.kubeconfig)
	if err != nil {
		b.t.Fatal(err)
	}
	rc.QPS = -1
	if b.client, err = kubernetes.NewForConfig(rc); err != nil {
		b.t.Fatal(err)
	}
}

const plainName = "plain"

// plain makes the Deployment of the floor; as with ours there is nothing in its
// pods that has to be waited for.
func (b *containers) plain() {
	b.t.Helper()
	no, none := false, int32(0)
	labels := map[string]string{"app": plainName}
	_, err := b.client.AppsV1().Deployments("default").Create(b.t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: plainName},
		Spec: appsv1.DeploymentSpec{
			Replicas: &none, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					AutomountServiceAccountToken: &no, EnableServiceLinks: &no, TerminationGracePeriodSeconds: ptr(int64(1)),
					Containers: []corev1.Container{{
						Name: "app", Image: "local.dev/bench-app", Env: []corev1.EnvVar{{Name: "PORT", Value: "8080"}, {Name: "TARGET", Value: "ok"}},
					}},
				},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }

// scalePlain takes the Deployment from none to one and back.
func (b *containers) scalePlain() timeline {
	b.t.Helper()
	const selector = "app=" + plainName
	line := b.watch(selector, func(began time.Time, address <-chan string) time.Time {
		b.scale(1)
		url := "http://" + <-address + ":8080/work"
		once := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		for {
			if resp, err := once.Get(url); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				return time.Now()
			}
			time.Sleep(time.Millisecond) // as a prober would
		}
	})
	b.scale(0)
	b.await("end of the plain pod", func() bool {
		pods, err := b.client.CoreV1().Pods("default").List(b.t.Context(), metav1.ListOptions{LabelSelector: selector})
		return err == nil && len(pods.Items) == 0
	})
	return line
}

func (b *containers) scale(n int32) {
	b.t.Helper()
	_, err := b.client.AppsV1().Deployments("default").UpdateScale(b.t.Context(), plainName, &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: plainName}, Spec: autoscalingv1.ScaleSpec{Replicas: n},
	}, metav1.UpdateOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
}

// wake asks a sleeping service.
func (b *containers) wake(name string) timeline {
	b.t.Helper()
	return b.watch("serving.knative.dev/service="+name, func(time.Time, <-chan string) time.Time {
		if _, err := b.get(host(name) + "/work"); err != nil {
			b.t.Fatal(name, ": ", err)
		}
		return time.Now()
	})
}

// watch follows the pods of a selector while something starts one, and notes
// when each stage was first seen. start returns when it has its answer.
func (b *containers) watch(selector string, start func(began time.Time, address <-chan string) time.Time) timeline {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	defer cancel()
	pods, err := b.client.CoreV1().Pods("default").Watch(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		b.t.Fatal(err)
	}
	line, address := timeline{}, make(chan string, 1)
	seen := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(seen)
		for e := range pods.ResultChan() {
			pod, ok := e.Object.(*corev1.Pod)
			if !ok || pod.DeletionTimestamp != nil {
				continue
			}
			if line[stageAddress] == 0 && pod.Status.PodIP != "" {
				address <- pod.Status.PodIP
			}
			line.see(pod, time.Since(began))
			if line[stageReady] > 0 {
				return
			}
		}
	}()
	answered := start(began, address).Sub(began)
	select {
	case <-seen: // whose last look may come after the answer
	case <-time.After(patience):
		b.t.Fatalf("%s: no pod was ready after %s", selector, patience)
	}
	pods.Stop()
	line[stageAnswer] = answered
	return line
}

func (b *containers) report(n int, ours, floor timelines) {
	b.table.head(fmt.Sprintf("cold start in real containers, n=%d: from the client's send (ours) or the scale (floor)", n))
	for s, name := range stageTexts {
		b.table.add(name+", p50", ms(ours.of(s).quantile(.5)), "", fmt.Sprintf("%s alone", ms(floor.of(s).quantile(.5))))
	}
	b.table.add("  the slowest of all", ours.slowest(), "", floor.slowest()+" alone")
	p50, alone := ours.of(stageAnswer).quantile(.5), floor.of(stageAnswer).quantile(.5)
	b.table.add("through gateway and activator", ours.of(stageAnswer).String(), target("1.15x of the floor at p50", p50 <= alone*115/100),
		fmt.Sprintf("%s of a plain Deployment's %s", ratio(p50, alone), floor.of(stageAnswer)))
}
