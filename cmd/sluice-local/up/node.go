package up

import (
	"context"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node"
	"github.com/sluice-dev/sluice/cmd/sluice-local/pki"
	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
)

// nodeName is the one node's name.
const nodeName = "local"

// pollEvery is how often a state of the cluster is looked at while starting.
const pollEvery = 20 * time.Millisecond

// startNode starts the node and returns when pods can be scheduled to it.
func (s *session) startNode(ctx context.Context) error {
	start := s.startProcessNode
	if s.Node == NodeKubelet {
		start = s.startKubeletNode
	}
	if err := start(ctx); err != nil {
		return err
	}
	return wait.PollUntilContextCancel(ctx, pollEvery, true, func(ctx context.Context) (bool, error) {
		got, err := s.cluster.Client().CoreV1().Nodes().Get(ctx, nodeName, metav1.GetOptions{})
		return err == nil && isReady(got), ignoreMissing(err)
	})
}

// startProcessNode starts the node whose pods are processes.
func (s *session) startProcessNode(ctx context.Context) error {
	block := s.claim.Block
	cert, err := s.ca.TLS(pki.Identity{Name: "system:node:" + nodeName, DNS: []string{nodeName}, IPs: []net.IP{block.IP().AsSlice()}})
	if err != nil {
		return err
	}
	n, err := node.New(node.Config{
		Name: nodeName, Client: s.cluster.Client(), IP: block.IP().String(), PodCIDR: block.Pods(),
		Dir: s.Dir, Images: s.images, APIServer: block.API().String(),
		ServingCert: cert, ClientCA: s.nodeCA.Pool(), Log: s.log,
	})
	if err != nil {
		return err
	}
	s.usage = processUsage{n}
	s.stack.Push(ctx, stack.Component{Name: "node", Grace: 6 * time.Second, Run: n.Run})
	return nil
}

func isReady(n *corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// accounts waits for what every pod needs to be created.
func (s *session) accounts(ctx context.Context) error {
	return wait.PollUntilContextCancel(ctx, pollEvery, true, func(ctx context.Context) (bool, error) {
		_, err := s.cluster.Client().CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err == nil, ignoreMissing(err)
	})
}

func ignoreMissing(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
