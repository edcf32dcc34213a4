package role

import (
	"errors"
	"io"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// answering are pods that answer as their names say.
func answering(answers map[string]any) ([]*corev1.Pod, func(*corev1.Pod) (io.ReadCloser, error)) {
	var pods []*corev1.Pod
	for _, name := range []string{"a", "b", "c"} {
		if _, there := answers[name]; there {
			pods = append(pods, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{contract.LabelDispatcher: "channels-" + name}}})
		}
	}
	return pods, func(p *corev1.Pod) (io.ReadCloser, error) {
		switch a := answers[p.Name].(type) {
		case error:
			return nil, a
		default:
			return io.NopCloser(strings.NewReader(a.(string))), nil
		}
	}
}

func read(t *testing.T, r io.ReadCloser, err error) string {
	t.Helper()
	if err != nil {
		return "error: " + err.Error()
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFirst_IsWhoeverHasIt(t *testing.T) {
	elsewhere := errElsewhere{errors.New("there is no channel")}
	for want, answers := range map[string]map[string]any{
		"of b":                       {"a": elsewhere, "b": "of b", "c": "of c"},
		"error: there is no channel": {"a": elsewhere, "b": elsewhere},
		"error: busy":                {"a": elsewhere, "b": errors.New("busy"), "c": "of c"},
	} {
		pods, ask := answering(answers)
		r, err := first(pods, ask)
		if got := read(t, r, err); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestGather_OneThatIsSilentHidesNoOther(t *testing.T) {
	pods, ask := answering(map[string]any{"a": `[{"subscription":"x"}]`, "b": errors.New("refused"), "c": `[{"subscription":"y"}]`})
	r, err := gather(pods, contract.PathEventsLag, ask)
	got := read(t, r, err)
	for _, want := range []string{`{"subscription":"x"}`, `{"subscription":"y"}`, `"channel":"channels-b"`, "this dispatcher does not answer: refused"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
	r, err = gather(pods, contract.PathEventsTrace, ask)
	if got := read(t, r, err); got != `[{"subscription":"x"},{"subscription":"y"}]` {
		t.Errorf("trace: %s", got)
	}
	pods, ask = answering(map[string]any{"a": errors.New("refused"), "b": errors.New("gone")})
	if _, err := gather(pods, contract.PathEventsLag, ask); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("nobody answers: %v", err)
	}
}
