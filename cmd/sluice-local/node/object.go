package node

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// kubeletVersion is the Kubernetes release whose kubelet this node behaves like.
	kubeletVersion = "v1.36.3"

	leaseNamespace = "kube-node-lease"
	leaseDuration  = 40 // seconds
	leaseEvery     = 10 * time.Second
	statusEvery    = 5 * time.Minute
)

// object is the node as the API shows it.
func (n *Node) object(now metav1.Time) *corev1.Node {
	labels := map[string]string{
		corev1.LabelHostname:   n.cfg.Name,
		corev1.LabelOSStable:   runtime.GOOS,
		corev1.LabelArchStable: runtime.GOARCH,
	}
	resources := capacity(n.dir)
	return &corev1.Node{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
		ObjectMeta: metav1.ObjectMeta{Name: n.cfg.Name, Labels: labels},
		Status: corev1.NodeStatus{
			Capacity:        resources,
			Allocatable:     resources,
			Conditions:      conditions(now),
			NodeInfo:        systemInfo(),
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: n.apiPort}},
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: n.cfg.IP},
				{Type: corev1.NodeHostName, Address: n.cfg.Name},
			},
		},
	}
}

func conditions(now metav1.Time) []corev1.NodeCondition {
	fine := func(t corev1.NodeConditionType, s corev1.ConditionStatus, reason, message string) corev1.NodeCondition {
		return corev1.NodeCondition{Type: t, Status: s, Reason: reason, Message: message, LastHeartbeatTime: now, LastTransitionTime: now}
	}
	return []corev1.NodeCondition{
		fine(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady", "the node runs pods as processes"),
		fine(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory", "memory is not watched"),
		fine(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure", "disks are not watched"),
		fine(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID", "processes are not counted"),
	}
}

// register creates the node or takes over the one of an earlier run, and lets
// pods be scheduled to it at once.
func (n *Node) register(ctx context.Context) error {
	nodes := n.cfg.Client.CoreV1().Nodes()
	want := n.object(metav1.Now())
	got, err := nodes.Create(ctx, want, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		got, err = nodes.Get(ctx, n.cfg.Name, metav1.GetOptions{})
	}
	if err != nil {
		return fmt.Errorf("node %s: register: %w", n.cfg.Name, err)
	}
	n.uid = got.UID
	if err := n.patch(ctx, map[string]any{
		"metadata": map[string]any{"labels": want.Labels},
		"spec":     map[string]any{"taints": nil, "unschedulable": nil},
	}); err != nil {
		return fmt.Errorf("node %s: remove taints: %w", n.cfg.Name, err)
	}
	if err := n.reportNode(ctx); err != nil {
		return fmt.Errorf("node %s: report status: %w", n.cfg.Name, err)
	}
	return n.renewLease(ctx)
}

func (n *Node) patch(ctx context.Context, patch any, subresources ...string) error {
	body, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	_, err = n.cfg.Client.CoreV1().Nodes().Patch(ctx, n.cfg.Name, types.StrategicMergePatchType, body, metav1.PatchOptions{}, subresources...)
	return err
}

func (n *Node) reportNode(ctx context.Context) error {
	return n.patch(ctx, map[string]any{"status": n.object(metav1.Now()).Status}, "status")
}

func (n *Node) renewLease(ctx context.Context) error {
	leases := n.cfg.Client.CoordinationV1().Leases(leaseNamespace)
	now := metav1.NowMicro()
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Name: n.cfg.Name, Namespace: leaseNamespace,
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: n.cfg.Name, UID: n.uid}},
		},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: &n.cfg.Name, LeaseDurationSeconds: new(int32(leaseDuration)), RenewTime: &now},
	}
	old, err := leases.Get(ctx, n.cfg.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = leases.Create(ctx, lease, metav1.CreateOptions{})
	} else if err == nil {
		lease.ResourceVersion = old.ResourceVersion
		_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("node %s: renew lease: %w", n.cfg.Name, err)
	}
	return nil
}

// heartbeat keeps the node alive in the eyes of the control plane.
func (n *Node) heartbeat(ctx context.Context) error {
	lease, status := time.NewTicker(leaseEvery), time.NewTicker(statusEvery)
	defer lease.Stop()
	defer status.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-lease.C:
			err = n.renewLease(ctx)
		case <-status.C:
			err = n.reportNode(ctx)
		}
		if err != nil && ctx.Err() == nil {
			n.log.Warn("heartbeat failed", "err", err)
		}
	}
}
