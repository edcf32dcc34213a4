package kube

import (
	"errors"
	"slices"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	kubetesting "k8s.io/client-go/testing"

	"github.com/sluice-dev/sluice/runtime/guard"
	"github.com/sluice-dev/sluice/schema/contract"
)

func TestReviewer_SaysWhoseATokenIs(t *testing.T) {
	client := fake.NewClientset()
	users := map[string]string{"operator": "system:serviceaccount:sluice-system:operator", "jane": "jane"}
	client.PrependReactor("create", "tokenreviews", func(a kubetesting.Action) (bool, apiruntime.Object, error) {
		review := a.(kubetesting.CreateAction).GetObject().(*authenticationv1.TokenReview)
		if review.Spec.Token == "away" {
			return true, nil, errors.New("away")
		}
		user, ok := users[review.Spec.Token]
		review.Status.Authenticated = ok && slices.Equal(review.Spec.Audiences, []string{contract.AdminAudience})
		review.Status.User.Username = user
		return true, review, nil
	})
	review := Reviewer(client)
	for token, want := range map[string]guard.Account{"operator": {Namespace: "sluice-system", Name: "operator"}, "jane": {}, "other": {}} {
		if got, err := review(t.Context(), token); err != nil || got != want {
			t.Errorf("%s: %+v, %v", token, got, err)
		}
	}
	if _, err := review(t.Context(), "away"); err == nil {
		t.Error("nobody could be asked, and that is no error")
	}
}
