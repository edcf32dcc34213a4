package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kube "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sluice-dev/sluice/schema/contract"
)

// serviceManifest is a Service that answers `Hello TARGET!`.
const serviceManifest = `apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: %s
spec:
  template:
    spec:
      containers:
      - image: %s
        env:
        - name: TARGET
          value: %s
`

// helloImage is the demo's.
const helloImage = "local.dev/helloworld-go:v1"

// service FILE NAME TARGET [IMAGE]: write the manifest of a Service that
// answers `Hello TARGET!`.
func service(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: service FILE NAME TARGET [IMAGE]")
	}
	image := helloImage
	if len(args) == 4 {
		image = args[3]
	}
	write(ts, args[0], fmt.Appendf(nil, serviceManifest, args[1], image, args[2]))
}

func write(ts *testscript.TestScript, file string, content []byte) {
	path := ts.MkAbs(file)
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, content, 0o644))
}

// fill FILE SIZE: add a comment to a file until it has SIZE bytes.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fill FILE SIZE")
	}
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	have, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	write(ts, args[0], append(have, bytes.Repeat([]byte("#"), size-len(have))...))
}

// nest FILE DEPTH: add a list in a list in a list to a file.
func nest(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: nest FILE DEPTH")
	}
	depth, err := strconv.Atoi(args[1])
	ts.Check(err)
	have, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	write(ts, args[0], append(have, "deep: "+strings.Repeat("[", depth)+strings.Repeat("]", depth)+"\n"...))
}

// rename OLD NEW: rename a file. NEW is written as in Go: \n, \xff.
func rename(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: rename OLD NEW")
	}
	name, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	ts.Check(os.Rename(ts.MkAbs(args[0]), ts.MkAbs(name)))
}

// event REASON TEXT: within a while there is a Kubernetes Event for that
// reason with a message that holds TEXT.
func event(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: event REASON TEXT")
	}
	awaitEvent(ts, args[0], args[1])
}

func awaitEvent(f fataler, reason, text string) {
	want := reason + ": " + text
	await(f, want, func() string {
		var others []string
		for _, e := range events(f) {
			if e.Reason == reason && strings.Contains(e.Message, text) {
				return want
			}
			if e.Reason == reason {
				others = append(others, e.Message)
			}
		}
		return strings.Join(others, "\n")
	})
}

func events(f fataler) []corev1.Event {
	list, err := kubeClient(f).CoreV1().Events("").List(context.Background(), metav1.ListOptions{})
	check(f, err)
	return list.Items
}

// check ends the test unless all went well.
func check(f fataler, err error) {
	if err != nil {
		f.Fatalf("%v", err)
	}
}

// mentioned TEXT: the engine's log, its report or an Event holds TEXT.
func mentioned(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] mentioned TEXT")
	}
	all := engineLog(ts)
	for _, e := range events(ts) {
		all += e.Message + "\n"
	}
	r, err := currentReport()
	ts.Check(err)
	all += fmt.Sprintf("%+v", r)
	if strings.Contains(all, args[0]) == neg {
		ts.Fatalf("%q: mentioned %v, want %v", args[0], neg, !neg)
	}
}

// engineLog is what the engines said so far.
func engineLog(ts *testscript.TestScript) string {
	client := kubeClient(ts)
	list, err := client.CoreV1().Pods(contract.Namespace).List(context.Background(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=" + contract.Engine})
	ts.Check(err)
	if len(list.Items) == 0 {
		ts.Fatalf("no engine runs in the cluster")
	}
	var log strings.Builder
	for _, p := range list.Items {
		b, err := client.CoreV1().Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{}).DoRaw(context.Background())
		ts.Check(err)
		log.Write(b)
	}
	return log.String()
}

func kubeClient(f fataler) kube.Interface {
	rc, err := clientcmd.BuildConfigFromFlags("", under.kubeconfig)
	check(f, err)
	client, err := kube.NewForConfig(rc)
	check(f, err)
	return client
}
