package kube_test

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	"github.com/sluice-dev/sluice/runtime/kube"
	"github.com/sluice-dev/sluice/schema/contract"
)

func TestPodCosts_MarksAndUnmarksPods(t *testing.T) {
	k8s := fake.NewClientset(pod("p", "hello-1", "10.0.0.1:80"), pod("q", "hello-1", "10.0.0.2:80"))
	costs, err := kube.NewPodCosts(k8s)
	if err != nil {
		t.Fatal(err)
	}
	annotations := func(name string) map[string]string {
		p, err := k8s.CoreV1().Pods("default").Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return p.Annotations
	}
	if err := costs.Mark(t.Context(), "default", map[string]int32{"p": -2, "q": -1, "gone": -1}); err != nil {
		t.Fatal(err)
	}
	if a := annotations("p"); a[corev1.PodDeletionCost] != "-2" || a[contract.AnnotationRetiring] != "true" {
		t.Error(a)
	}
	if err := costs.Mark(t.Context(), "default", map[string]int32{"q": 0}); err != nil {
		t.Fatal(err)
	}
	if _, marked := annotations("q")[contract.AnnotationRetiring]; marked || annotations("q")[corev1.PodDeletionCost] != "" {
		t.Error(annotations("q"))
	}
	k8s.PrependReactor("patch", "pods", func(k8stesting.Action) (bool, runtime.Object, error) { return true, nil, errors.New("forbidden") })
	if err := costs.Mark(t.Context(), "default", map[string]int32{"p": 0}); err == nil || !strings.Contains(err.Error(), "pod default/p: mark it with cost 0: forbidden") {
		t.Error(err)
	}
}
