package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestDecode_ReadsEveryDocument(t *testing.T) {
	got, err := decode(strings.NewReader("---\nkind: A\n---\n# nothing\n---\nkind: B\n"))
	if err != nil || len(got) != 2 || got[0].GetKind() != "A" || got[1].GetKind() != "B" {
		t.Errorf("%v, %v; want A and B", got, err)
	}
	if _, err := decode(strings.NewReader("kind: A\n---\n\tkind: B\n")); err == nil || !strings.Contains(err.Error(), "document 2") {
		t.Errorf("error = %v; want the document's number", err)
	}
}

func TestFindSluice(t *testing.T) {
	dir := t.TempDir()
	if _, err := FindSluice(filepath.Join(dir, "sluice")); err == nil || !strings.Contains(err.Error(), "--sluice") {
		t.Errorf("error = %v; want a way out", err)
	}
	if _, err := FindSluice(dir); err == nil {
		t.Error("a directory is no binary")
	}
	path := filepath.Join(dir, "sluice")
	if err := os.WriteFile(path, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := FindSluice(path); got != path || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}

func TestAvailable(t *testing.T) {
	two := int32(2)
	tests := []struct {
		name string
		d    appsv1.Deployment
		want bool
	}{
		{"all there", appsv1.Deployment{Status: appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}}, true},
		{"none yet", appsv1.Deployment{}, false},
		{"too few", appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: &two}, Status: appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 1}}, false},
		{"old one still there", appsv1.Deployment{Status: appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 1, AvailableReplicas: 1}}, false},
		{"status of an older template", appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Status: appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}}, false},
	}
	for _, tt := range tests {
		if got := available(&tt.d); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
