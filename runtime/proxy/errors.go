package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// Error is why a request gets no answer of an app, as a client is told it.
type Error struct {
	// Status is the HTTP status. Default 502.
	Status int
	// Text is one sentence for the client; it says what to do next where
	// something can be done.
	Text string
	// RetryAfter, if above 0, is told to the client, in whole seconds.
	RetryAfter time.Duration
	// Unsent says that not a byte of the request reached a pod.
	Unsent bool
	// Err is the cause; it is logged, not shown.
	Err error
}

// Error is the text and the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Text
	}
	return e.Text + ": " + e.Err.Error()
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrClientGone says that the client hung up before its answer was complete.
var ErrClientGone = errors.New("the client has gone")

// StatusClientGone is recorded (nobody is left to read it) when the client hung
// up. The number is nginx's.
const StatusClientGone = 499

// Unsent tells whether err left the request unsent, so that another pod may be tried.
func Unsent(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Unsent
}

// Answer turns err into an HTTP answer: the one place where that happens. It
// returns the status. A client that asks for JSON gets {"error": ..., "status": ...}.
func Answer(w http.ResponseWriter, r *http.Request, err error) int {
	if errors.Is(err, ErrClientGone) {
		panic(http.ErrAbortHandler) // nobody is listening: end the connection or stream
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{Text: "the app could not be reached", Err: err}
	}
	status := e.Status
	if status == 0 {
		status = http.StatusBadGateway
	}
	h := w.Header()
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	h.Set("X-Content-Type-Options", "nosniff")
	body := []byte(e.Text + "\n")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	if strings.Contains(r.Header.Get("Accept"), "json") {
		h.Set("Content-Type", "application/json")
		body, _ = json.Marshal(map[string]any{"error": e.Text, "status": status}) // a string and an int always marshal
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may be gone; there is nobody else to tell
	}
	return status
}

// dialError is a pod that could not be connected to.
func dialError(ctx context.Context, addr string, err error) error {
	if ctx.Err() != nil {
		return ErrClientGone
	}
	return &Error{Text: "the app does not accept connections at " + addr, Unsent: true, Err: err}
}

// timeoutError is the 504 of Knative's three timers.
func timeoutError(which string, err error) error {
	return &Error{Status: http.StatusGatewayTimeout, Text: which, Err: err}
}

const (
	textTimeout       = "request timeout"
	textStartTimeout  = "request timeout: the app did not start its answer in time (responseStartTimeoutSeconds)"
	textIdleTimeout   = "request timeout: the app fell silent (idleTimeoutSeconds)"
	textBodyTimeout   = "the request's body did not arrive in time"
	textBadAnswer     = "the app's answer is not HTTP"
	textNoAnswer      = "the app closed the connection without an answer"
	textCutAnswer     = "the app's answer was cut short"
	textBadMethod     = "the request's method is no word"
	textBadHost       = "the request's host holds what no host has"
	textBadRequestURI = "the request's target holds a space or control character"
)

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
