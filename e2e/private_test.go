package e2e

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// private is a repository that only ada reads, over https, on a server whose
// certificate nobody knows.
type private struct {
	url, bare, ca, commit, password string
	handler                         http.Handler
}

// servePrivate serves a repository whose one file, greeting, holds text.
func servePrivate(t *testing.T, text string) private {
	t.Helper()
	root := t.TempDir()
	bare, work := filepath.Join(root, "code.git"), filepath.Join(root, "work")
	git := func(dir string, args ...string) string {
		t.Helper()
		out, err := gitIn(dir, args...)
		if err != nil {
			t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
		}
		return out
	}
	git(root, "init", "-q", "--bare", "-b", "main", bare)
	git(root, "init", "-q", "-b", "main", work)
	check(t, os.WriteFile(filepath.Join(work, "greeting"), []byte(text), 0o644))
	git(work, "add", "-A")
	git(work, "commit", "-qm", "Greet")
	git(work, "push", "-q", bare, "main")

	p := private{bare: bare, commit: git(work, "rev-parse", "HEAD"), password: fmt.Sprint("hidden/", time.Now().UnixNano())}
	program := &cgi.Handler{
		Stderr: io.Discard, Path: filepath.Join(git(root, "--exec-path"), "git-http-backend"),
		Env: []string{
			"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null", "HOME=" + root,
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
		},
	}
	p.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "ada" || password != p.password {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		program.ServeHTTP(w, r)
	})
	server := httptest.NewTLSServer(p.handler)
	t.Cleanup(server.Close)
	p.url = server.URL + "/code.git"
	p.ca = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	return p
}

// account makes a ServiceAccount with a Secret for the repository.
func (p private) account(t *testing.T, name, password string) {
	t.Helper()
	buildAccount(t, name, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{"build.knative.dev/git-0": strings.TrimSuffix(p.url, "/code.git")}},
		Type:       corev1.SecretTypeBasicAuth,
		StringData: map[string]string{"username": "ada", "password": password, "ca.crt": p.ca},
	})
}

// buildAccount makes an account for builds that has a secret, both of one name,
// for the length of a test.
func buildAccount(t *testing.T, name string, secret *corev1.Secret) {
	t.Helper()
	core := kubeClient(t).CoreV1()
	_, err := core.Secrets("default").Create(t.Context(), secret, metav1.CreateOptions{})
	check(t, err)
	t.Cleanup(func() { check(t, core.Secrets("default").Delete(context.Background(), name, metav1.DeleteOptions{})) })
	_, err = core.ServiceAccounts("default").Create(t.Context(), &corev1.ServiceAccount{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Secrets: []corev1.ObjectReference{{Name: name}},
	}, metav1.CreateOptions{})
	check(t, err)
	t.Cleanup(func() {
		check(t, core.ServiceAccounts("default").Delete(context.Background(), name, metav1.DeleteOptions{}))
	})
}

// from is a Build's source and account.
func (p private) from(account, revision string) string {
	return fmt.Sprintf("source: {git: {url: %q, revision: %q}}\n  serviceAccountName: %s", p.url, revision, account)
}

// hides fails the test if a secret is in the status, in an Event or in a log.
func (p private) hides(t *testing.T, builds []string, passwords ...string) {
	t.Helper()
	r, err := currentReport()
	check(t, err)
	said := fmt.Sprint(r)
	for _, e := range events(t) {
		said += "\n" + e.Message
	}
	for _, name := range builds {
		said += "\n" + logs(t, name)
	}
	for _, password := range passwords {
		if strings.Contains(said, password) {
			t.Errorf("a password is told:\n%s", strings.ReplaceAll(said, password, "<PASSWORD>"))
		}
	}
}

// A private repository is read with the Secret of the build's ServiceAccount,
// at a branch and at a commit; what is wrong is told, and the Secret never is.
func TestBuilds_APrivateRepositoryIsReadWithTheSecretOfItsAccount(t *testing.T) {
	needLoopback(t)
	haveStep(t)
	run := fmt.Sprint(time.Now().UnixNano())
	p := servePrivate(t, "greeting "+run)
	wrong := "mistaken-" + run
	p.account(t, "e2e-private", p.password)
	p.account(t, "e2e-stranger", wrong)
	c := newClone(t)
	c.write("branch.yaml", steps("e2e-branch", p.from("e2e-private", "main"), "show=greeting"))
	c.write("commit.yaml", steps("e2e-commit", p.from("e2e-private", p.commit), "show=greeting"))
	c.write("missing.yaml", steps("e2e-missing", p.from("e2e-private", "release"), "show=greeting"))
	c.write("gone.yaml", steps("e2e-gone", p.from("e2e-private", strings.Repeat("0", 39)+"1"), "show=greeting"))
	c.write("stranger.yaml", steps("e2e-stranger", p.from("e2e-stranger", "main"), "show=greeting"))
	c.push("Five builds of a private repository")

	awaitState(t, "e2e-branch", "Ready", "")
	awaitState(t, "e2e-commit", "Ready", "")
	awaitState(t, "e2e-missing", "Failed", p.url+` has no branch or tag "release": write one that it has`)
	awaitState(t, "e2e-gone", "Failed", p.url+" has no ")
	awaitState(t, "e2e-stranger", "Failed", p.url+" does not let us in: check user name and password")
	for _, name := range []string{"e2e-branch", "e2e-commit"} {
		contains(t, logs(t, name), "greeting "+run)
	}
	p.hides(t, []string{"e2e-branch", "e2e-commit", "e2e-missing", "e2e-gone", "e2e-stranger"}, p.password, strings.ReplaceAll(p.password, "/", "%2F"), wrong)
}
