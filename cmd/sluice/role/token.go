package role

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/runtime/guard"
	"github.com/sluice-dev/sluice/runtime/kube"
	"github.com/sluice-dev/sluice/schema/contract"
)

// tokenSeconds is how long a token that is asked for holds: the shortest that
// Kubernetes makes. It is shown once, at the beginning.
const tokenSeconds = 600

// protect lets only accounts of ours in, by their tokens.
func (c *cluster) protect(log *slog.Logger) func(next http.Handler, accounts ...string) http.Handler {
	return guard.New(kube.Reviewer(c.client), log).Protect
}

// tokenOf gives a token of one of our accounts, for who asks a role: the pod's
// own; outside a pod one that the API server makes for who may have it.
func (c *cluster) tokenOf(account string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		b, err := os.ReadFile(filepath.Join(contract.AdminTokenDir, contract.AdminTokenFile))
		if err == nil {
			return strings.TrimSpace(string(b)), nil
		}
		if !os.IsNotExist(err) {
			return "", err
		}
		return c.requestToken(ctx, account)
	}
}

// requestToken has the API server make a token.
func (c *cluster) requestToken(ctx context.Context, account string) (string, error) {
	seconds := int64(tokenSeconds)
	made, err := c.client.CoreV1().ServiceAccounts(contract.Namespace).CreateToken(ctx, account, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{Audiences: []string{contract.AdminAudience}, ExpirationSeconds: &seconds},
	}, metav1.CreateOptions{})
	switch {
	case apierrors.IsForbidden(err):
		return "", fmt.Errorf("you may not ask this cluster's platform: %w\nWho may, binds you: kubectl -n %s create rolebinding NAME --role %s --user YOU", err, contract.Namespace, contract.Operator)
	case apierrors.IsNotFound(err):
		return "", fmt.Errorf("ServiceAccount %s/%s is not there: install again, `sluice install` makes it", contract.Namespace, account)
	case err != nil:
		return "", fmt.Errorf("token of %s/%s: %w", contract.Namespace, account, err)
	}
	return made.Status.Token, nil
}
