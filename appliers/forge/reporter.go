package forge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/engine/status"
)

// Config is what a Reporter is made of.
type Config struct {
	// Place is the repository. Required.
	Place Place
	// Token is read before each round of sending, so that it may be changed
	// under way. Required.
	Token func() (string, error)
	// Client sends. Default: one with a timeout of 15 s that follows no
	// redirect: a token goes nowhere but where it is meant for.
	Client *http.Client
	// Every is the shortest time between two requests. Default 100 ms.
	Every time.Duration
	// Wait is how long to wait after a failure, doubled up to MaxWait. Defaults
	// 1 s and 5 min.
	Wait, MaxWait time.Duration
	// Log gets what was refused. Default: discarded.
	Log *slog.Logger
}

// Reporter sends commit statuses in the background.
type Reporter struct {
	cfg   Config
	dirty chan struct{}

	lock    sync.Mutex
	touched touched
	// wanted is what the newest report says; it alone is worth sending.
	wanted []Status

	// said is what the forge was told last, by commit and context. Only Run
	// touches it.
	said map[key]Status
}

type key struct{ commit, context string }

func (s Status) key() key { return key{s.Commit, s.Context} }

// New makes a reporter; Run sends.
func New(cfg Config) (*Reporter, error) {
	if cfg.Token == nil || cfg.Place.API == "" {
		return nil, errors.New("forge: Config.Place and Config.Token are required")
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{Timeout: 15 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if cfg.Every <= 0 {
		cfg.Every = 100 * time.Millisecond
	}
	if cfg.Wait <= 0 {
		cfg.Wait = time.Second
	}
	if cfg.MaxWait <= 0 {
		cfg.MaxWait = 5 * time.Minute
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Reporter{cfg: cfg, dirty: make(chan struct{}, 1), said: map[key]Status{}}, nil
}

// Report takes a report. It never blocks on the network.
func (r *Reporter) Report(prev, next status.Report) {
	r.lock.Lock()
	r.touched.follow(prev, next)
	r.wanted = statuses(next, r.touched.specs)
	r.lock.Unlock()
	select {
	case r.dirty <- struct{}{}:
	default:
	}
}

// Run sends until ctx ends.
func (r *Reporter) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.dirty:
		}
		for wait := r.cfg.Wait; ; wait = min(2*wait, r.cfg.MaxWait) {
			again, err := r.round(ctx)
			if err == nil || ctx.Err() != nil {
				break
			}
			wait = max(wait, again)
			r.cfg.Log.Warn("a commit status cannot be set; trying again", "wait", wait.String(), "error", err)
			if !sleep(ctx, wait) {
				return nil
			}
		}
	}
}

// next is a wanted status that was not said yet.
func (r *Reporter) next() (Status, bool) {
	r.lock.Lock()
	defer r.lock.Unlock()
	commits := make(map[string]bool, len(r.wanted))
	for _, s := range r.wanted {
		before, known := r.said[s.key()]
		if before != s && (known || !s.Last) {
			return s, true
		}
		commits[s.Commit] = true
	}
	for k := range r.said { // of earlier commits nothing will be said again
		if len(r.wanted) > 0 && !commits[k.commit] {
			delete(r.said, k)
		}
	}
	return Status{}, false
}

// round sends until nothing is left to say. An error is worth another try,
// after the time that the forge asks for.
func (r *Reporter) round(ctx context.Context) (again time.Duration, err error) {
	for {
		s, ok := r.next()
		if !ok {
			return 0, nil
		}
		token, err := r.cfg.Token()
		if err != nil {
			return 0, err
		}
		again, err := r.send(ctx, token, s)
		var refused refusal
		switch {
		case errors.As(err, &refused):
			r.cfg.Log.Error("the forge refuses a commit status", "context", s.Context, "commit", s.Commit, "error", err)
		case err != nil:
			return again, err
		}
		r.said[s.key()] = s
		if !sleep(ctx, r.cfg.Every) {
			return 0, ctx.Err()
		}
	}
}

// refusal is an answer that another try will not change.
type refusal struct{ text string }

func (r refusal) Error() string { return r.text }

// maxAnswer is how much of an answer is read: its message, for the log.
const maxAnswer = 4 << 10

func (r *Reporter) send(ctx context.Context, token string, s Status) (again time.Duration, err error) {
	request, err := r.cfg.Place.request(ctx, strings.TrimSpace(token), s)
	if err != nil {
		return 0, err
	}
	answer, err := r.cfg.Client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("forge: %w", err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	return judge(r.cfg.Place.Kind, answer, string(body))
}

// judge says what an answer means.
func judge(kind Kind, answer *http.Response, body string) (again time.Duration, err error) {
	text := fmt.Sprintf("forge: %s %s: %s", answer.Request.URL.Redacted(), answer.Status, line(body))
	limited := answer.StatusCode == http.StatusTooManyRequests ||
		answer.StatusCode == http.StatusForbidden && (answer.Header.Get("Retry-After") != "" || answer.Header.Get("X-RateLimit-Remaining") == "0")
	switch {
	case answer.StatusCode/100 == 2:
		return 0, nil
	case kind == GitLab && answer.StatusCode == http.StatusBadRequest && strings.Contains(body, "Cannot transition status"):
		return 0, nil // GitLab takes no second status of the same state
	case limited:
		return retryAfter(answer.Header), errors.New(text)
	case answer.StatusCode >= 500:
		return 0, errors.New(text)
	case answer.StatusCode == http.StatusUnauthorized, answer.StatusCode == http.StatusForbidden, answer.StatusCode == http.StatusNotFound:
		text += " (does the token of --forge-secret allow to write commit statuses of this repository?)"
	}
	return 0, refusal{text}
}

// retryAfter reads how many seconds to wait; 0 if that is not said.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
