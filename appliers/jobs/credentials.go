package jobs

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// What the annotations of a Secret begin with that say what it is for, as in
// build.knative.dev/git-0: https://github.com.
const (
	forGit    = "build.knative.dev/git-"
	forDocker = "build.knative.dev/docker-"
)

// defaultAccount is whose pods are that name no other.
const defaultAccount = "default"

// secrets is what the Secrets of a ServiceAccount mean for a build: which are
// mounted, and what the first step is told of them.
type secrets struct {
	names []string
	args  []string
}

// waitError is something that somebody else has to put right first.
type waitError struct{ text string }

// Error is the sentence.
func (e *waitError) Error() string { return e.text }

// RetryAfter is how long to wait before the next try.
func (e *waitError) RetryAfter() time.Duration { return 2 * time.Second }

// secretsOf reads what the Secrets of an account are for. Their values go
// nowhere but into the pod.
func (w *Writer) secretsOf(ctx context.Context, namespace, account string) (secrets, error) {
	name := cmp.Or(account, defaultAccount)
	sa, err := w.cfg.Client.CoreV1().ServiceAccounts(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		if account == "" {
			return secrets{}, nil
		}
		return secrets{}, &waitError{fmt.Sprintf("the build's ServiceAccount %s is not in namespace %s: add it", name, namespace)}
	}
	if err != nil {
		return secrets{}, err
	}
	var out secrets
	for _, ref := range sa.Secrets {
		s, err := w.cfg.Client.CoreV1().Secrets(namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return out, &waitError{fmt.Sprintf("ServiceAccount %s names the Secret %s, which is not in namespace %s: add it", name, ref.Name, namespace)}
		case apierrors.IsForbidden(err):
			return out, &waitError{fmt.Sprintf("the engine may not read the Secret %s that ServiceAccount %s names; allow it with: "+
				"kubectl -n %s create rolebinding sluice-build-secrets --clusterrole=sluice-build-secrets --serviceaccount=%s:%s",
				ref.Name, name, namespace, contract.Namespace, contract.Engine)}
		case err != nil:
			return out, &waitError{fmt.Sprintf("the Secret %s cannot be read: %s", ref.Name, apierrors.ReasonForError(err))}
		}
		out.add(s)
	}
	return out, nil
}

// add notes what one Secret is for.
func (s *secrets) add(secret *corev1.Secret) {
	before := len(s.args)
	for _, key := range slices.Sorted(maps.Keys(secret.Annotations)) {
		url := secret.Annotations[key]
		switch {
		case strings.HasPrefix(key, forGit) && secret.Type == corev1.SecretTypeBasicAuth:
			s.args = append(s.args, "--git-basic="+secret.Name+"="+url)
		case strings.HasPrefix(key, forGit) && secret.Type == corev1.SecretTypeSSHAuth:
			s.args = append(s.args, "--git-ssh="+secret.Name+"="+url)
		case strings.HasPrefix(key, forDocker) && secret.Type == corev1.SecretTypeBasicAuth:
			s.args = append(s.args, "--docker-basic="+secret.Name+"="+url)
		}
	}
	if secret.Type == corev1.SecretTypeDockerConfigJson {
		s.args = append(s.args, "--docker-config="+secret.Name)
	}
	if len(s.args) > before {
		s.names = append(s.names, secret.Name)
	}
}

// addTo gives the first step of a Job's body the Secrets.
func (s secrets) addTo(body []byte) ([]byte, error) {
	if len(s.names) == 0 {
		return body, nil
	}
	var job map[string]any
	if err := json.Unmarshal(body, &job); err != nil {
		return nil, err
	}
	pod, ok := dig(job, "spec", "template", "spec")
	if !ok {
		return nil, fmt.Errorf("the Job has no pod")
	}
	steps, _ := pod["initContainers"].([]any)
	if len(steps) == 0 {
		return nil, fmt.Errorf("the Job has no step for credentials")
	}
	first, _ := steps[0].(map[string]any)
	for _, arg := range s.args {
		first["args"] = appended(first["args"], arg)
	}
	for i, name := range s.names {
		volume := fmt.Sprintf("sluice-secret-%d", i)
		first["volumeMounts"] = appended(first["volumeMounts"], map[string]any{"name": volume, "mountPath": contract.DirSecrets + "/" + name, "readOnly": true})
		pod["volumes"] = appended(pod["volumes"], map[string]any{"name": volume, "secret": map[string]any{"secretName": name}})
	}
	return json.Marshal(job)
}

func dig(m map[string]any, path ...string) (map[string]any, bool) {
	for _, key := range path {
		next, ok := m[key].(map[string]any)
		if !ok {
			return nil, false
		}
		m = next
	}
	return m, true
}

func appended(list any, item any) []any {
	have, _ := list.([]any)
	return append(have, item)
}
