package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kube "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sluice-dev/sluice/appliers/report"
	"github.com/sluice-dev/sluice/engine/status"
)

// patience is how long a story waits for what it expects. What is expected
// takes about a second; a busy machine may take longer.
const patience = 60 * time.Second

// Each example is a story, told in demo.txtar as a person would type it; so
// are the files in testdata. One after the other: they share a repository.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("../examples/*/demo.txtar")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	tell(t, append(files, more...))
}

// What takes minutes, as the grace of what is deleted, is told by itself: `make
// slow` sets SLUICE_SLOW.
func TestSlowStories(t *testing.T) {
	needPatience(t)
	files, err := filepath.Glob("testdata/slow/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	tell(t, files)
}

func tell(t *testing.T, files []string) {
	for _, file := range files {
		t.Run(storyName(file), func(t *testing.T) {
			restoreAfter(t)
			testscript.Run(t, testscript.Params{
				Files: []string{file}, Setup: setup, Condition: condition, RequireExplicitExec: true,
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"answers": answers, "request": request, "awake": awake, "settles": settles, "pods": pods, "replace": replace,
					"service": service, "fill": fill, "nest": nest, "rename": rename, "event": event, "dead": dead, "deliver": deliver, "nats": nats, "sends": sends, "mentioned": mentioned, "betrayed": betrayed, "grant": grant, "patiently": patiently, "builds": builds,
					"shares": shares, "refused": refused, "topic": topic, "publish": publish, "matches": matches,
					"kafka": kafka, "produce": produce, "github": github, "hooked": hooked, "times": times, "subscribed": subscribed, "leaves": leaves, "gets": gets,
				},
			})
		})
	}
}

// needPatience skips what takes long.
func needPatience(t *testing.T) {
	t.Helper()
	if os.Getenv("SLUICE_SLOW") == "" {
		t.Skip("takes long: `make slow` sets SLUICE_SLOW")
	}
}

func storyName(file string) string {
	if filepath.Base(file) == "demo.txtar" {
		return filepath.Base(filepath.Dir(file))
	}
	return strings.TrimSuffix(filepath.Base(file), ".txtar")
}

// setup gives a story what a user has: the programs, a kubeconfig, a Git
// identity; and where the repository is.
func setup(env *testscript.Env) error {
	bin, err := filepath.Abs("../bin")
	if err != nil {
		return err
	}
	examples, err := filepath.Abs("../examples")
	if err != nil {
		return err
	}
	local, err := under.local()
	if err != nil {
		return err
	}
	env.Setenv("PATH", strings.Join([]string{filepath.Dir(local), bin, os.Getenv("PATH")}, string(os.PathListSeparator)))
	for key, value := range map[string]string{
		"KUBECONFIG": under.kubeconfig, "REPO": under.repo, "HTTP": under.http, "DIR": under.folder(), "EXAMPLES": examples,
		"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
		"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com",
		"GIT_CONFIG_NOSYSTEM": "1", "HOME": env.WorkDir,
		"GOCACHE": goEnv("GOCACHE"), "GOMODCACHE": goEnv("GOMODCACHE"), "CGO_ENABLED": goEnv("CGO_ENABLED"),
	} {
		env.Setenv(key, value)
	}
	return nil
}

func goEnv(key string) string {
	out, err := exec.Command("go", "env", key).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// answers HOST TEXT: within a while, GET http://HOST/ gives exactly TEXT.
// With ! the host gives 404, as one that was never heard of.
func answers(ts *testscript.TestScript, neg bool, args []string) {
	if neg && len(args) == 1 {
		await(ts, "HTTP 404", func() string { code, _ := get(args[0]); return fmt.Sprint("HTTP ", code) })
		return
	}
	if neg || len(args) != 2 {
		ts.Fatalf("usage: [!] answers HOST [TEXT]")
	}
	awaitAnswer(ts, args[0], args[1])
}

func awaitAnswer(f fataler, host, text string) {
	await(f, text, func() string {
		code, body := get(host)
		if code != http.StatusOK {
			return fmt.Sprintf("HTTP %d %s", code, body)
		}
		return body
	})
}

// request HOST TEXT: one GET http://HOST/ gives exactly TEXT, and that at the
// first try.
func request(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: request HOST TEXT")
	}
	if code, body := get(args[0]); code != http.StatusOK || body != args[1] {
		ts.Fatalf("HTTP %d %s, want %s", code, body, args[1])
	}
}

// awake SERVICE N: within a while, the service has that many pods.
func awake(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: awake SERVICE N")
	}
	await(ts, args[1], func() string { return fmt.Sprint(len(podNames(ts, "serving.knative.dev/service="+args[0]))) })
}

// settles NAME STATE [TEXT]: within a while, the engine has read the
// repository's newest commit and the spec is in that state, for a reason that
// holds TEXT.
func settles(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: settles NAME STATE [TEXT]")
	}
	awaitState(ts, args[0], args[1], strings.Join(args[2:], ""))
}

func awaitState(f fataler, name, state, reason string) {
	want := state + ": " + reason
	await(f, want, func() string {
		r, err := currentReport()
		if err != nil {
			return err.Error()
		}
		for _, s := range r.Specs {
			if s.Identity.Name == name && string(s.State) == state && strings.Contains(s.Reason, reason) {
				return want
			}
			if s.Identity.Name == name {
				return string(s.State) + ": " + s.Reason
			}
		}
		return "no spec " + name
	})
}

// currentReport is the engine's report of the repository's newest commit.
func currentReport() (status.Report, error) {
	rc, err := clientcmd.BuildConfigFromFlags("", under.kubeconfig)
	if err != nil {
		return status.Report{}, err
	}
	client, err := kube.NewForConfig(rc)
	if err != nil {
		return status.Report{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r, err := report.Read(ctx, client)
	if err != nil {
		return r, err
	}
	head, err := exec.Command("git", "-C", under.repo, "rev-parse", "main").Output()
	if err == nil && strings.TrimSpace(string(head)) != r.Commit {
		err = fmt.Errorf("the engine is at %s, the branch at %s", r.Commit, head)
	}
	return r, err
}

// pods SELECTOR [FILE]: write the names of the pods to FILE; or, if FILE is
// there, fail unless they are the same.
func pods(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pods SELECTOR FILE")
	}
	names := strings.Join(podNames(ts, args[0]), "\n")
	path := ts.MkAbs(args[1])
	before, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		ts.Check(os.WriteFile(path, []byte(names), 0o644))
		return
	}
	ts.Check(err)
	if string(before) != names {
		ts.Fatalf("pods were:\n%s\nare:\n%s", before, names)
	}
}

func podNames(f fataler, selector string) []string {
	list, err := kubeClient(f).CoreV1().Pods("").List(context.Background(), metav1.ListOptions{LabelSelector: selector})
	check(f, err)
	var names []string
	for _, p := range list.Items {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}

// replace OLD NEW FILE: edit a file; OLD must be there.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace OLD NEW FILE")
	}
	path := ts.MkAbs(args[2])
	b, err := os.ReadFile(path)
	ts.Check(err)
	if !strings.Contains(string(b), args[0]) {
		ts.Fatalf("%s does not hold %q:\n%s", args[2], args[0], b)
	}
	ts.Check(os.WriteFile(path, []byte(strings.ReplaceAll(string(b), args[0], args[1])), 0o644))
}

// fataler is a story or a test.
type fataler interface {
	Fatalf(format string, args ...any)
}

// await asks until it gets what it wants, and then not again.
func await(f fataler, want string, ask func() string) {
	awaitFor(f, patience, want, ask)
}

// awaitFor is await with a patience of its own.
func awaitFor(f fataler, patience time.Duration, want string, ask func() string) {
	deadline := time.Now().Add(patience)
	for {
		got := ask()
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			f.Fatalf("want %q\nhave %q after %s", want, got, patience)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// client sends every host to the gateway.
var client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
	DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, under.http)
	},
}}

// get is the status and the body, without the last newline, of one request.
func get(host string) (code int, body string) {
	resp, err := client.Get("http://" + host + "/")
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, strings.TrimSuffix(string(b), "\n")
}
