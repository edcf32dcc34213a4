package github

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/runtime/source"
	"github.com/sluice-dev/sluice/schema/contract"
)

const (
	// maxBody is GitHub's own limit of a payload.
	maxBody = 25 << 20
	// answerWithin leaves some of the 10 s that GitHub waits.
	answerWithin = 9 * time.Second
	// remembered is how many delivery ids are known as done.
	remembered = 4096
)

// Sender takes events; see source.Sink.
type Sender interface {
	Send(ctx context.Context, e *cloudevents.Event) error
}

// Config is how to take deliveries.
type Config struct {
	Source contract.Source
	// Secret signs deliveries. Required.
	Secret string
	Sink   Sender
	Log    *slog.Logger
}

// Handler takes deliveries.
type Handler struct {
	cfg Config
	gh  contract.GitHubSource

	mu    sync.Mutex // guards what follows
	done  map[string]bool
	order []string
}

// New checks that there is a secret: without one anybody could send events.
func New(cfg Config) (*Handler, error) {
	if cfg.Source.GitHub == nil {
		return nil, errors.New("github: the source says nothing of a repository")
	}
	if cfg.Secret == "" {
		return nil, fmt.Errorf("%s: no secret to check deliveries with: set %s, or secretToken in %s",
			cfg.Source.Ref, contract.EnvGitHubSecret, contract.EnvGitHubCredentials)
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Handler{cfg: cfg, gh: *cfg.Source.GitHub, done: map[string]bool{}}, nil
}

// problem is what a delivery is answered with.
type problem struct {
	status int
	text   string
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, p := h.take(w, r)
	if p == nil {
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintln(w, text)
		return
	}
	h.cfg.Log.Info("delivery not taken", "delivery", r.Header.Get("X-GitHub-Delivery"), "status", p.status, "reason", p.text)
	switch p.status {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "10")
	}
	http.Error(w, p.text, p.status)
}

func (h *Handler) take(w http.ResponseWriter, r *http.Request) (string, *problem) {
	if r.Method != http.MethodPost {
		return "", &problem{http.StatusMethodNotAllowed, "deliveries are POSTed"}
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return "", tooLarge(err)
	}
	if p := h.verify(r.Header.Get("X-Hub-Signature-256"), raw); p != nil {
		return "", p
	}
	payload, p := payloadOf(r.Header.Get("Content-Type"), raw)
	if p != nil {
		return "", p
	}
	d := delivery{id: r.Header.Get("X-GitHub-Delivery"), event: r.Header.Get("X-GitHub-Event"), payload: payload, now: time.Now()}
	if d.id == "" || d.event == "" {
		return "", &problem{http.StatusBadRequest, "X-GitHub-Delivery or X-GitHub-Event is missing"}
	}
	if len(h.gh.Events) > 0 && d.event != "ping" && !slices.Contains(h.gh.Events, d.event) {
		return "not asked for", nil
	}
	if h.known(d.id) {
		return "known", nil
	}
	e, err := d.cloudEvent(h.gh)
	if err != nil {
		return "", &problem{http.StatusBadRequest, err.Error()}
	}
	return h.send(r.Context(), &e)
}

// send answers when the sink has answered.
func (h *Handler) send(ctx context.Context, e *cloudevents.Event) (string, *problem) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	id := e.ID
	switch err := h.cfg.Sink.Send(ctx, e); {
	case err == nil:
		h.remember(id)
		return "accepted", nil
	case errors.Is(err, source.ErrRefused):
		return "", &problem{http.StatusUnprocessableEntity, err.Error()}
	default:
		return "", &problem{http.StatusServiceUnavailable, "the sink does not take events now; send the delivery again"}
	}
}

func tooLarge(err error) *problem {
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return &problem{http.StatusRequestEntityTooLarge, fmt.Sprintf("the payload is larger than %d bytes", large.Limit)}
	}
	return &problem{http.StatusBadRequest, "the body could not be read"}
}

// verify checks the signature over the raw bytes, in constant time.
func (h *Handler) verify(header string, raw []byte) *problem {
	if header == "" {
		return &problem{http.StatusUnauthorized, "X-Hub-Signature-256 is missing: give the webhook the secret of this source"}
	}
	given, err := hex.DecodeString(strings.TrimPrefix(header, "sha256="))
	if !strings.HasPrefix(header, "sha256=") || err != nil || len(given) != sha256.Size {
		return &problem{http.StatusUnauthorized, "X-Hub-Signature-256 is not sha256= and 64 hex digits"}
	}
	mac := hmac.New(sha256.New, []byte(h.cfg.Secret))
	mac.Write(raw)
	if !hmac.Equal(mac.Sum(nil), given) {
		return &problem{http.StatusUnauthorized, "the signature does not match: is the webhook's secret the one of this source?"}
	}
	return nil
}

// payloadOf takes both content types that GitHub offers.
func payloadOf(contentType string, raw []byte) ([]byte, *problem) {
	kind, _, _ := mime.ParseMediaType(contentType)
	switch kind {
	case "application/json":
		return raw, nil
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(raw))
		if err != nil || !form.Has("payload") {
			return nil, &problem{http.StatusBadRequest, "the form has no payload"}
		}
		return []byte(form.Get("payload")), nil
	}
	return nil, &problem{http.StatusUnsupportedMediaType, "the content type has to be application/json or application/x-www-form-urlencoded"}
}

// known says whether a delivery was sent on before.
func (h *Handler) known(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.done[id]
}

func (h *Handler) remember(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.done[id] {
		return
	}
	h.done[id] = true
	h.order = append(h.order, id)
	if len(h.order) > remembered {
		delete(h.done, h.order[0])
		h.order = h.order[1:]
	}
}
