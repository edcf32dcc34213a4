package git

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
)

const (
	// maxPayload is the size of the largest webhook that is read, in bytes.
	maxPayload = 1 << 20
	// minSecret is the length of the shortest secret that is taken, in bytes.
	minSecret = 16
)

// Webhook answers the webhooks of GitHub, GitLab, Gitea and Forgejo. A push
// that proves to know the secret calls hint; what it says is not even parsed,
// for it only means that somebody should look. The answers are 202 for a push
// and for events that are ignored, 200 for a ping, 401 without a reason where
// the proof is missing or wrong.
func Webhook(secret []byte, hint func(), log *slog.Logger) (http.Handler, error) {
	if len(secret) < minSecret {
		return nil, errors.New("webhook: the secret must have 16 bytes or more; make one with openssl rand -hex 32")
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &webhook{secret: secret, hint: hint, log: log}, nil
}

type webhook struct {
	secret []byte
	hint   func()
	log    *slog.Logger
}

// ServeHTTP takes one webhook.
func (h *webhook) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxPayload))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	if !h.proven(req.Header, body) {
		h.log.WarnContext(req.Context(), "webhook without a valid signature", "from", req.RemoteAddr)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	event := eventOf(req.Header)
	h.log.DebugContext(req.Context(), "webhook", "event", event)
	switch event {
	case "ping":
		w.WriteHeader(http.StatusOK)
		return
	case "push", "create", "delete", "Push Hook", "Tag Push Hook":
		h.hint()
	}
	w.WriteHeader(http.StatusAccepted)
}

// eventOf names the event. Gitea and Forgejo also send GitHub's header.
func eventOf(header http.Header) string {
	for _, name := range []string{"X-Forgejo-Event", "X-Gitea-Event", "X-GitHub-Event", "X-Gitlab-Event"} {
		if event := header.Get(name); event != "" {
			return event
		}
	}
	return ""
}

// proven checks the first proof there is, and that alone: a wrong one is not
// made good by another.
func (h *webhook) proven(header http.Header, body []byte) bool {
	if signature := header.Get("X-Hub-Signature-256"); signature != "" {
		digits, ok := strings.CutPrefix(signature, "sha256=")
		return ok && h.signed(digits, body)
	}
	for _, name := range []string{"X-Forgejo-Signature", "X-Gitea-Signature"} {
		if digits := header.Get(name); digits != "" {
			return h.signed(digits, body)
		}
	}
	return subtle.ConstantTimeCompare(hash(h.secret), hash([]byte(header.Get("X-Gitlab-Token")))) == 1
}

// signed reports whether the digits are the HMAC-SHA256 of the raw body.
func (h *webhook) signed(digits string, body []byte) bool {
	got, err := hex.DecodeString(digits)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, h.secret)
	mac.Write(body)
	return hmac.Equal(got, mac.Sum(nil))
}

// hash hides the lengths of what is compared.
func hash(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}
