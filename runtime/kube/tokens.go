package kube

import (
	"context"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-dev/sluice/runtime/guard"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Reviewer asks the API server whose a token for contract.AdminAudience is.
func Reviewer(client kubernetes.Interface) guard.Reviewer {
	return func(ctx context.Context, token string) (guard.Account, error) {
		review, err := client.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{
			Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{contract.AdminAudience}},
		}, metav1.CreateOptions{})
		if err != nil {
			return guard.Account{}, err
		}
		name, account := strings.CutPrefix(review.Status.User.Username, "system:serviceaccount:")
		if !review.Status.Authenticated || !account {
			return guard.Account{}, nil
		}
		namespace, name, _ := strings.Cut(name, ":")
		return guard.Account{Namespace: namespace, Name: name}, nil
	}
}
