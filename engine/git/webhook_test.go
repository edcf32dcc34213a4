package git

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const hookSecret = "correct horse battery staple"

func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func TestWebhook_ActsOnProvenPushesAlone(t *testing.T) {
	const body = `{"ref":"refs/heads/main"}`
	good, bad := sign(hookSecret, body), sign("another secret, long enough", body)
	for _, c := range []struct {
		name   string
		header map[string]string
		status int
		hints  int
	}{
		{"GitHub push", map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + good}, 202, 1},
		{"GitHub ping", map[string]string{"X-GitHub-Event": "ping", "X-Hub-Signature-256": "sha256=" + good}, 200, 0},
		{"GitHub issue", map[string]string{"X-GitHub-Event": "issues", "X-Hub-Signature-256": "sha256=" + good}, 202, 0},
		{"GitHub new tag", map[string]string{"X-GitHub-Event": "create", "X-Hub-Signature-256": "sha256=" + good}, 202, 1},
		{"GitHub, other secret", map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + bad}, 401, 0},
		{"GitHub, no scheme", map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature-256": good}, 401, 0},
		{"GitHub, SHA-1 only", map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature": "sha1=" + good}, 401, 0},
		{"GitHub, half a signature", map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + good[:32]}, 401, 0},
		{"GitHub, no digits", map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=xyz"}, 401, 0},
		{"no proof", map[string]string{"X-GitHub-Event": "push"}, 401, 0},
		{"ping without proof", map[string]string{"X-GitHub-Event": "ping"}, 401, 0},
		{"Gitea push", map[string]string{"X-Gitea-Event": "push", "X-Gitea-Signature": good}, 202, 1},
		{"Gitea push signed both ways", map[string]string{"X-Gitea-Event": "push", "X-GitHub-Event": "push", "X-Gitea-Signature": good, "X-Hub-Signature-256": "sha256=" + good}, 202, 1},
		{"Forgejo push", map[string]string{"X-Forgejo-Event": "push", "X-Forgejo-Signature": good}, 202, 1},
		{"Gitea, other secret", map[string]string{"X-Gitea-Event": "push", "X-Gitea-Signature": bad}, 401, 0},
		{"GitLab push", map[string]string{"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": hookSecret}, 202, 1},
		{"GitLab tag", map[string]string{"X-Gitlab-Event": "Tag Push Hook", "X-Gitlab-Token": hookSecret}, 202, 1},
		{"GitLab issue", map[string]string{"X-Gitlab-Event": "Issue Hook", "X-Gitlab-Token": hookSecret}, 202, 0},
		{"GitLab, other token", map[string]string{"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": hookSecret + "x"}, 401, 0},
		{"a wrong signature is not made good by a token", map[string]string{"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": hookSecret, "X-Hub-Signature-256": "sha256=" + bad}, 401, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			hints := 0
			log, text := recorder()
			h, err := Webhook([]byte(hookSecret), func() { hints++ }, log)
			if err != nil {
				t.Fatal(err)
			}
			req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
			for k, v := range c.header {
				req.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, req)
			if w.Code != c.status || hints != c.hints {
				t.Errorf("status %d and %d hints, want %d and %d", w.Code, hints, c.status, c.hints)
			}
			if w.Body.Len() != 0 {
				t.Errorf("the answer tells: %q", w.Body)
			}
			if told := strings.Contains(text.String(), "signature"); told != (c.status == 401) {
				t.Errorf("log: %s", text)
			}
		})
	}
}

func TestWebhook_RefusesAWeakSecretAndWhatIsTooLarge(t *testing.T) {
	for _, secret := range []string{"", "short"} {
		if _, err := Webhook([]byte(secret), func() {}, nil); err == nil {
			t.Errorf("secret %q was accepted", secret)
		}
	}
	h, err := Webhook([]byte(hookSecret), func() { t.Error("hinted") }, nil)
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("x", maxPayload+1)
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	req.Header.Set("X-GitHub-Event", "push")
	req.Header.Set("X-Hub-Signature-256", "sha256="+sign(hookSecret, body))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", w.Code)
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: status %d", w.Code)
	}
}

func FuzzWebhook(f *testing.F) {
	f.Add("X-Hub-Signature-256", "sha256="+sign(hookSecret, "{}"), "push", []byte("{}"))
	f.Add("X-Gitea-Signature", "abc", "push", []byte(""))
	f.Add("X-Gitlab-Token", "abc", "Push Hook", []byte("\x00"))
	f.Fuzz(func(t *testing.T, name, proof, event string, body []byte) {
		hinted := false
		h, err := Webhook([]byte(hookSecret), func() { hinted = true }, nil)
		if err != nil {
			t.Fatal(err)
		}
		req := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		req.Header[http.CanonicalHeaderKey(name)] = []string{proof}
		req.Header["X-Github-Event"] = []string{event}
		h.ServeHTTP(httptest.NewRecorder(), req)
		if known := strings.Contains(strings.ToLower(proof), sign(hookSecret, string(body))) || proof == hookSecret; hinted && !known {
			t.Errorf("hinted by %q: %q", name, proof)
		}
	})
}
