package containerd

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// How pods end with the cluster: so many at once, each of their containers with
// so many seconds between SIGTERM and SIGKILL.
const (
	removeAtOnce = 16
	stopSeconds  = 2
)

// RemovePods ends every pod and takes its namespaces and addresses down. What
// is left is told; the rest is gone.
func (r *Runtime) RemovePods(ctx context.Context) error {
	client, done, err := r.dial()
	if err != nil {
		return err
	}
	defer done()
	pods, err := client.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		return fmt.Errorf("containerd: list pods: %w", err)
	}
	errs := make([]error, len(pods.GetItems()))
	var all errgroup.Group
	all.SetLimit(removeAtOnce)
	for i, pod := range pods.GetItems() {
		all.Go(func() error {
			if err := removePod(ctx, client, pod.GetId()); err != nil {
				m := pod.GetMetadata()
				errs[i] = fmt.Errorf("containerd: pod %s/%s: %w", m.GetNamespace(), m.GetName(), err)
			}
			return nil
		})
	}
	_ = all.Wait() // none fails
	return errors.Join(errs...)
}

// removePod stops the containers, which a stopped pod would only kill.
func removePod(ctx context.Context, client cri.RuntimeServiceClient, pod string) error {
	containers, err := client.ListContainers(ctx, &cri.ListContainersRequest{Filter: &cri.ContainerFilter{
		PodSandboxId: pod, State: &cri.ContainerStateValue{State: cri.ContainerState_CONTAINER_RUNNING},
	}})
	if err != nil {
		return err
	}
	var all errgroup.Group
	for _, c := range containers.GetContainers() {
		all.Go(func() error {
			_, err := client.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: c.GetId(), Timeout: stopSeconds})
			return err
		})
	}
	stopped := all.Wait()
	if _, err := client.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: pod}); err != nil {
		return errors.Join(stopped, err)
	}
	_, err = client.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: pod})
	return err
}
