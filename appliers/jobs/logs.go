package jobs

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Logs says what to print of which build.
type Logs struct {
	Client kubernetes.Interface
	// Namespace of the build; empty is any that has one of the name.
	Namespace, Name string
	// Step is the only step that is wanted; empty is all.
	Step string
	// Follow waits for what is still to come.
	Follow bool
	// Out gets the logs, Progress where the build is.
	Out, Progress io.Writer
}

// Copy prints the logs of the build's newest run, step after step.
func (l Logs) Copy(ctx context.Context) error {
	pod, err := l.newest(ctx)
	if err != nil {
		return err
	}
	steps := containers(pod)
	wanted := steps
	if l.Step != "" {
		if wanted = only(steps, l.Step); wanted == nil {
			return fmt.Errorf("build %s has no step %q: it has %s", l.Name, l.Step, strings.Join(shortNames(steps), ", "))
		}
	}
	for _, container := range wanted {
		begun, err := l.await(ctx, pod, container)
		if err != nil {
			return err
		}
		if !begun {
			break
		}
		fmt.Fprintf(l.Progress, "%s/%s: step %s (%d of %d)\n", pod.Namespace, l.Name, shortName(container), slices.Index(steps, container)+1, len(steps))
		if err := l.copyStep(ctx, pod, container); err != nil {
			return err
		}
	}
	return nil
}

// newest is the pod of the run that began last.
func (l Logs) newest(ctx context.Context) (*corev1.Pod, error) {
	list, err := l.Client.CoreV1().Pods(l.Namespace).List(ctx, metav1.ListOptions{LabelSelector: contract.LabelBuild + "=" + l.Name})
	if err != nil {
		return nil, err
	}
	if len(list.Items) == 0 {
		return nil, fmt.Errorf("no run of a build %s is left; `sluice status` says how builds stand", l.Name)
	}
	stopped, err := l.stopped(ctx)
	if err != nil {
		return nil, err
	}
	pod := slices.MaxFunc(list.Items, func(a, b corev1.Pod) int { return byAge(a, b, stopped) })
	for i := range list.Items {
		if list.Items[i].Namespace != pod.Namespace {
			return nil, fmt.Errorf("there are builds %s in several namespaces: write NAMESPACE/%s", l.Name, l.Name)
		}
	}
	return &pod, nil
}

// stopped are the Jobs of the build that were told to end, by namespace and
// name: the superseded among them.
func (l Logs) stopped(ctx context.Context) (map[string]bool, error) {
	list, err := l.Client.BatchV1().Jobs(l.Namespace).List(ctx, metav1.ListOptions{LabelSelector: contract.LabelBuild + "=" + l.Name})
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for i := range list.Items {
		if list.Items[i].Annotations[contract.AnnotationStop] != "" {
			out[list.Items[i].Namespace+"/"+list.Items[i].Name] = true
		}
	}
	return out, nil
}

// byAge puts the pod that was created last behind. Creation is told in whole
// seconds, and two runs may begin in one: then the one that was told to end was
// the earlier, or else the one that has not changed since.
func byAge(a, b corev1.Pod, stopped map[string]bool) int {
	ended := func(pod corev1.Pod) int {
		if stopped[pod.Namespace+"/"+pod.Labels[batchv1.JobNameLabel]] {
			return 0
		}
		return 1
	}
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(ended(a), ended(b)),
		cmp.Compare(version(a), version(b)), strings.Compare(a.Name, b.Name))
}

// version is the pod's resource version, which the API server counts up.
func version(pod corev1.Pod) uint64 {
	n, err := strconv.ParseUint(pod.ResourceVersion, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// await reports whether a step has begun; with Follow it waits until it has,
// or never will.
func (l Logs) await(ctx context.Context, pod *corev1.Pod, container string) (bool, error) {
	if begun, settled := has(pod, container); settled || !l.Follow {
		return begun, nil
	}
	w, err := l.Client.CoreV1().Pods(pod.Namespace).Watch(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, pod.Name).String(),
	})
	if err != nil {
		return false, err
	}
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case event, open := <-w.ResultChan():
			if !open {
				return false, fmt.Errorf("the API server ended the watch of pod %s; try again", pod.Name)
			}
			now, ok := event.Object.(*corev1.Pod)
			if !ok {
				continue
			}
			if begun, settled := has(now, container); settled {
				return begun, nil
			}
		}
	}
}

// has reports whether a step has begun, and whether that will not change.
func has(pod *corev1.Pod, container string) (begun, settled bool) {
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if s.Name == container && (s.State.Running != nil || s.State.Terminated != nil && s.State.Terminated.ContainerID != "") {
			return true, true
		}
	}
	return false, pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
}

func (l Logs) copyStep(ctx context.Context, pod *corev1.Pod, container string) error {
	stream, err := l.Client.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Container: container, Follow: l.Follow}).Stream(ctx)
	if err != nil {
		return fmt.Errorf("step %s: %w", shortName(container), err)
	}
	defer stream.Close()
	_, err = io.Copy(l.Out, stream)
	return err
}

// containers are the steps in the order in which they run.
func containers(pod *corev1.Pod) []string {
	var names []string
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		names = append(names, c.Name)
	}
	return names
}

// only is the step of that name, short or whole; nil if there is none.
func only(steps []string, name string) []string {
	for _, s := range steps {
		if s == name || shortName(s) == name {
			return []string{s}
		}
	}
	return nil
}

func shortName(container string) string { return strings.TrimPrefix(container, contract.StepPrefix) }

func shortNames(steps []string) []string {
	out := make([]string, len(steps))
	for i, s := range steps {
		out[i] = shortName(s)
	}
	return out
}
