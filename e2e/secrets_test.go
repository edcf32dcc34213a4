package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// grant NAMESPACE/SECRET: let buses read a Secret, by the Role and RoleBinding
// that `sluice install --bus-secret` prints.
func grant(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: grant NAMESPACE/SECRET")
	}
	program, err := binary("sluice")
	ts.Check(err)
	out, err := exec.Command(program, "install", "--image", "sluice", "--repo", "https://example.com/specs.git", "--bus-secret", args[0], "-o", "json").Output()
	ts.Check(err)
	var list struct {
		APIVersion string           `json:"apiVersion"`
		Kind       string           `json:"kind"`
		Items      []map[string]any `json:"items"`
	}
	ts.Check(json.Unmarshal(out, &list))
	all := list.Items
	list.Items = nil
	for _, o := range all {
		if name, _ := o["metadata"].(map[string]any)["name"].(string); strings.HasPrefix(name, "sluice-bus-") {
			list.Items = append(list.Items, o)
		}
	}
	body, err := json.Marshal(list)
	ts.Check(err)
	local, err := under.local()
	ts.Check(err)
	apply := exec.Command(local, "kubectl", "--dir", under.folder(), "apply", "-f", "-")
	apply.Stdin = bytes.NewReader(body)
	if out, err := apply.CombinedOutput(); err != nil {
		ts.Fatalf("%v: %s", err, out)
	}
}

// betrayed TEXT: a log of the platform, a report, an Event, or an object that is
// no Secret holds TEXT.
func betrayed(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] betrayed TEXT")
	}
	var where []string
	look := func(what, text string) {
		if strings.Contains(text, args[0]) {
			where = append(where, what)
		}
	}
	r, err := currentReport()
	ts.Check(err)
	report, err := json.Marshal(r)
	ts.Check(err)
	look("the report", string(report))
	client, ctx := kubeClient(ts), context.Background()
	pods, err := client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	ts.Check(err)
	for _, p := range pods.Items {
		for _, c := range p.Spec.Containers {
			log, err := client.CoreV1().Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{Container: c.Name}).DoRaw(ctx)
			if err == nil { // it may not have begun
				look("the log of "+p.Name, string(log))
			}
		}
	}
	local, err := under.local()
	ts.Check(err)
	for _, kind := range []string{"pods", "deployments", "replicasets", "jobs", "configmaps", "events", "services", "serviceaccounts", "virtualservices", "roles", "rolebindings"} {
		out, err := exec.Command(local, "kubectl", "--dir", under.folder(), "get", kind, "-A", "-o", "json").Output()
		ts.Check(err)
		look(kind, string(out))
	}
	if len(where) == 0 != neg {
		ts.Fatalf("%q is told by %q", args[0], where)
	}
}
