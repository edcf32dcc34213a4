package channel

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/runtime/channel/post"
)

// fate is what an answer means for the event.
type fate int

const (
	taken fate = iota
	again      // may succeed later
	never      // will not succeed, however often it is tried
	gone       // the subscriber wants no more events at all
)

// failure is an attempt that did not succeed.
type failure struct {
	url    string
	status int    // 0: no answer
	data   []byte // the answer's body
	fate   fate
	after  time.Duration // what the subscriber asked for
	text   string
}

func (f *failure) Error() string { return f.text }

// judge says what an answer means, by Knative's rules: no answer, 404, 408, 409,
// 429 and 5xx may be different the next time; 410 ends the subscription; all
// else that is not 2xx stays as it is.
func judge(url string, a post.Answer, err error, now time.Time) *failure {
	f := &failure{url: url, status: a.Status, data: a.Body}
	switch {
	case err != nil:
		f.fate, f.text = again, fmt.Sprintf("%s gave no answer: %v", url, err)
	case a.Status >= 200 && a.Status < 300:
		return nil
	case a.Status == http.StatusGone:
		f.fate, f.text = gone, url+" answered 410 Gone: it wants no more events; edit the subscription to begin again"
	case a.Status >= 300 && a.Status < 400:
		f.fate, f.text = never, fmt.Sprintf("%s answered %d, a redirect to %q, and redirects are not followed: write that address as the subscriber", url, a.Status, a.Header.Get("Location"))
	case a.Status == http.StatusNotFound, a.Status == http.StatusRequestTimeout, a.Status == http.StatusConflict,
		a.Status == http.StatusTooManyRequests, a.Status >= 500:
		f.fate, f.after = again, retryAfter(a.Header.Get("Retry-After"), now)
		f.text = answered(url, a)
	default:
		f.fate, f.text = never, answered(url, a)
	}
	return f
}

// answered is one line about an answer that is an error.
func answered(url string, a post.Answer) string {
	text := fmt.Sprintf("%s answered %d %s", url, a.Status, http.StatusText(a.Status))
	if line, _, _ := strings.Cut(strings.TrimSpace(string(a.Body)), "\n"); line != "" {
		text += ": " + strings.ToValidUTF8(line[:min(len(line), 200)], "?")
	}
	return text
}

// retryAfter reads seconds or a date; 0 is nothing that can be understood.
func retryAfter(value string, now time.Time) time.Duration {
	if s, err := strconv.ParseInt(value, 10, 32); err == nil && s > 0 {
		return time.Duration(s) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
