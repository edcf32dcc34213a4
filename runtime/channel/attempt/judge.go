package attempt

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/runtime/channel/post"
)

// Fate is what a failed attempt means for the event.
type Fate int

// Fates.
const (
	Again Fate = iota + 1 // may succeed later
	Never                 // will not succeed, however often it is tried
	Gone                  // the receiver wants no more events at all
)

// Failure is an attempt that did not succeed.
type Failure struct {
	URL    string
	Status int    // 0: no answer
	Data   []byte // the answer's body
	Fate   Fate
	After  time.Duration // what the receiver asked for; 0 is nothing
	Text   string
}

func (f *Failure) Error() string { return f.Text }

// Judge says what an answer means, by Knative's rules: 2xx is nil; no answer,
// 404, 408, 409, 429 and 5xx may be different the next time; 410 ends what sends;
// all else stays as it is.
func Judge(url string, a post.Answer, err error, now time.Time) *Failure {
	f := &Failure{URL: url, Status: a.Status, Data: a.Body}
	switch {
	case err != nil:
		f.Fate, f.Text = Again, fmt.Sprintf("%s gave no answer: %v", url, err)
	case a.Status >= 200 && a.Status < 300:
		return nil
	case a.Status == http.StatusGone:
		f.Fate, f.Text = Gone, url+" answered 410 Gone: it wants no more events"
	case a.Status >= 300 && a.Status < 400:
		f.Fate, f.Text = Never, fmt.Sprintf("%s answered %d, a redirect to %q, and redirects are not followed: write that address instead", url, a.Status, a.Header.Get("Location"))
	case a.Status == http.StatusNotFound, a.Status == http.StatusRequestTimeout, a.Status == http.StatusConflict,
		a.Status == http.StatusTooManyRequests, a.Status >= 500:
		f.Fate, f.After = Again, retryAfter(a.Header.Get("Retry-After"), now)
		f.Text = answered(url, a)
	default:
		f.Fate, f.Text = Never, answered(url, a)
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
