package role

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/engine"
	"github.com/sluice-dev/sluice/schema/contract"
)

var _ engine.Watch = (*cluster)(nil)

// Answers asks the autoscaler that leads how revisions answered: the
// activators tell it. The engine runs where pods can reach each other.
func (c *cluster) Answers(ctx context.Context, revisions []string) (map[string]contract.Answers, error) {
	lease, err := c.client.CoordinationV1().Leases(contract.Namespace).Get(ctx, contract.Autoscaler, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("autoscaler: %w", err)
	}
	if lease.Spec.HolderIdentity == nil {
		return nil, fmt.Errorf("autoscaler: none leads")
	}
	_, address, _ := strings.Cut(*lease.Spec.HolderIdentity, "@")
	token, err := c.tokenOf(contract.Engine)(ctx)
	if err != nil {
		return nil, err
	}
	b, err := fetch(ctx, "http://"+address+contract.PathAnswers+"?"+url.Values{"revision": revisions}.Encode(), token)
	if err != nil {
		return nil, err
	}
	var answers map[string]contract.Answers
	if err := json.Unmarshal(b, &answers); err != nil {
		return nil, fmt.Errorf("autoscaler: %s: %w", contract.PathAnswers, err)
	}
	return answers, nil
}
