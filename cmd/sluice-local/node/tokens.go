package node

import (
	"context"
	"strings"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (a api) request(ctx context.Context, pod *corev1.Pod, spec authenticationv1.TokenRequestSpec) (*authenticationv1.TokenRequestStatus, error) {
	name := pod.Spec.ServiceAccountName
	if name == "" {
		name = "default"
	}
	got, err := a.client.CoreV1().ServiceAccounts(pod.Namespace).CreateToken(ctx, name, &authenticationv1.TokenRequest{Spec: spec}, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	return &got.Status, nil
}

// tokenCache keeps a pod's tokens until they are to be replaced. Its keys are
// audiences: a pod has one service account.
type tokenCache struct {
	from api

	mu    sync.Mutex // guards known
	known map[string]issued
}

// issued is a token and when it is to be replaced.
type issued struct {
	token   string
	refresh time.Time
}

var _ tokens = (*tokenCache)(nil)

func (c *tokenCache) token(ctx context.Context, pod *corev1.Pod, spec authenticationv1.TokenRequestSpec) (string, time.Time, error) {
	key := strings.Join(spec.Audiences, " ")
	begun := time.Now()
	c.mu.Lock()
	had, ok := c.known[key]
	c.mu.Unlock()
	if ok && begun.Before(had.refresh) {
		return had.token, had.refresh, nil
	}
	status, err := c.from.request(ctx, pod, spec)
	if err != nil {
		return "", time.Time{}, err
	}
	// As the kubelet: at 80 % of its life, and never older than a day.
	life := min(status.ExpirationTimestamp.Sub(begun)*8/10, 24*time.Hour)
	got := issued{status.Token, begun.Add(life)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[key] = got
	return got.token, got.refresh, nil
}
