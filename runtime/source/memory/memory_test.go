package memory

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	kubetesting "k8s.io/client-go/testing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

func memories(t *testing.T) map[string]Memory {
	client := fake.NewClientset(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "clock-source"}})
	return map[string]Memory{
		"configmap": ConfigMap{Client: client.CoreV1().ConfigMaps("shop"), Name: "clock-source", Log: quiet},
		"file":      File(filepath.Join(t.TempDir(), "notes")),
	}
}

func TestMemory_KeepsWhatItIsTold(t *testing.T) {
	for name, m := range memories(t) {
		t.Run(name, func(t *testing.T) {
			if got, err := m.Recall(t.Context()); err != nil || len(got) != 0 {
				t.Fatalf("at first: %v, %v", got, err)
			}
			for _, values := range []map[string]string{{"a": "1", "b": "1"}, {"b": "2"}} {
				if err := m.Remember(t.Context(), values); err != nil {
					t.Fatal(err)
				}
			}
			got, err := m.Recall(t.Context())
			if diff := cmp.Diff(map[string]string{"a": "1", "b": "2"}, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestFile_SaysWhatIsWrong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := File(path).Recall(t.Context()); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

func TestConfigMap_RecallsAsSoonAsItCan(t *testing.T) {
	client := fake.NewClientset(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "m"}, Data: map[string]string{"a": "1"}})
	var asked atomic.Int32
	client.PrependReactor("get", "configmaps", func(kubetesting.Action) (bool, runtime.Object, error) {
		return asked.Add(1) < 3, nil, errors.New("forbidden, for a moment")
	})
	got, err := ConfigMap{Client: client.CoreV1().ConfigMaps("shop"), Name: "m", Log: quiet}.Recall(t.Context())
	if err != nil || got["a"] != "1" {
		t.Errorf("%v, %v", got, err)
	}
}

// scripted counts its writings and fails the first ones.
type scripted struct {
	fails  int
	writes []map[string]string
}

func (s *scripted) Recall(context.Context) (map[string]string, error) {
	return map[string]string{"a": "0"}, nil
}

func (s *scripted) Remember(_ context.Context, values map[string]string) error {
	if s.fails > 0 {
		s.fails--
		return errors.New("not now")
	}
	s.writes = append(s.writes, values)
	return nil
}

func TestNotes_AreWrittenDownNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{fails: 1}
		n, err := Open(t.Context(), s, quiet)
		if err != nil || n.Last("a") != "0" {
			t.Fatalf("%q, %v", n.Last("a"), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- n.Run(ctx) }()
		n.Take("a", "1") // fails
		synctest.Wait()
		for _, v := range []string{"2", "3", "4"} {
			n.Take("a", v)
		}
		time.Sleep(every + time.Millisecond) // a is 4
		n.Take("b", "1")                     // and is not due when the end comes
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]map[string]string{{"a": "4"}, {"b": "1"}}, s.writes); diff != "" {
			t.Errorf("written (-want +got):\n%s", diff)
		}
	})
}

func TestNotes_WithoutAMemoryAreForgotten(t *testing.T) {
	n, err := Open(t.Context(), nil, quiet)
	if err != nil {
		t.Fatal(err)
	}
	n.Take("a", "1")
	if n.Last("a") != "" {
		t.Error("it remembers")
	}
}
